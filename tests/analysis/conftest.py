"""A small finished campaign, labelled with ASE's EMT potential."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ase.io
import made_up_validation
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100, fcc111
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms

from analysis.validation.property import PROPERTIES
from training.dataset.builder import DatasetCard, build_dataset
from training.dataset.extxyz import read_frames
from training.dataset.frames import Frame
from training.predictions import Predictions
from training.settings import DatasetSettings


@dataclass(frozen=True)
class SmallCampaign:
    """A workdir and what was put into it."""

    root: Path
    structures: list[dict]
    trajectories: list[dict]
    card: DatasetCard


def emt_frame(atoms: Atoms, entry: dict, trajectory_id: str, step: int) -> Frame:
    labelled = atoms.copy()
    labelled.set_constraint()
    labelled.calc = EMT()
    return Frame(
        numbers=labelled.numbers.astype(np.int64),
        positions=labelled.positions.copy(),
        cell=labelled.cell.array.copy(),
        energy=float(labelled.get_potential_energy()),
        forces=labelled.get_forces(),
        stress=labelled.get_stress(voigt=False) if entry["family"] == "bulk" else None,
        structure_id=entry["structure_id"],
        family=entry["family"],
        miller_index=entry["miller_index"],
        parent_id=entry["parent_id"],
        trajectory_id=trajectory_id,
        step=step,
        engine="emt",
        functional="EMT",
        config_hash="0123456789ab",
    )


def crystals_and_slabs() -> list[tuple[str, str, Atoms]]:
    """Family, plane and atoms of each structure."""
    found = []
    for element, a in (("Cu", 3.6), ("Al", 4.0), ("Au", 4.1)):
        found.append(("bulk", "", bulk(element, a=a, cubic=True)))
        for build, plane in ((fcc111, "1 1 1"), (fcc100, "1 0 0")):
            slab = build(element, size=(2, 2, 4), a=a, vacuum=6)
            slab.pbc = True
            slab.set_constraint(FixAtoms([atom.index for atom in slab if atom.tag in (2, 3)]))
            found.append(("slab", plane, slab))
    mixed = fcc111("Cu", size=(2, 2, 5), a=3.7, vacuum=6)
    mixed.symbols[10:] = "Al"
    mixed.pbc = True
    return [*found, ("interface", "1 1 1", mixed)]


def write_campaign(root: Path, name: str = "small") -> SmallCampaign:
    """Write every file up to the dataset."""
    for folder in ("structures", "labels", "dataset"):
        (root / folder).mkdir(parents=True)
    campaign = {"name": name, "seed": 7, "training": {"variant": "allegro", "max_epochs": 3}}
    (root / "campaign.yaml").write_text(json.dumps(campaign))  # JSON is YAML
    structures, trajectories, images, runs = [], [], [], []
    for index, (family, plane, atoms) in enumerate(crystals_and_slabs()):
        entry = {
            "structure_id": f"{family}-{index:012x}",
            "family": family,
            "miller_index": plane,
            "parent_id": "",
            "formula": atoms.get_chemical_formula(),
            "n_atoms": len(atoms),
            "n_free": len(atoms) - sum(len(c.index) for c in atoms.constraints),
            "parameters": {"crystal": atoms.get_chemical_symbols()[0]},
        }
        atoms.info = {key: entry[key] for key in ("structure_id", "family", "miller_index")}
        quench = family == "interface"
        trajectory_id = f"{entry['structure_id']}/" + (
            "scaled-down melt-quench" if quench else "relax"
        )
        run = []
        for step in range(6):
            moved = atoms.copy()
            moved.rattle(0.08 + 0.01 * step, seed=10 * index + step)
            run.append(emt_frame(moved, entry, trajectory_id, step))
        structures.append(entry)
        images.append(atoms)
        runs.append(run)
        trajectories.append(
            {
                "trajectory_id": trajectory_id,
                "structure_id": entry["structure_id"],
                "task": "melt_quench" if quench else "relax",
                "n_steps": len(run),
                "converged": None if quench else index % 2 == 0,
                "seconds": 1.5,
                "energy_first": run[0].energy,
                "energy_last": run[-1].energy,
                "max_force_last": float(np.linalg.norm(run[-1].forces, axis=1).max()),
                "temperature": [600.0, 500.0, 400.0, 300.0, 200.0, 100.0] if quench else None,
            }
        )
    ase.io.write(root / "structures/structures.extxyz", images, format="extxyz")
    _write(root / "structures/structures.json", {"seed": 7, "crystals": {"Cu": {}, "Al": {}},
                                                 "structures": structures})  # fmt: skip
    _write(root / "labels/labels.json", {
        "engine": "emt", "functional": "EMT", "config_hash": "0123456789ab",
        "simulated_by": "Labels are simulated with effective-medium theory; no DFT was run.",
        "notes": ["melt-quench scaled down: 6 steps"], "trajectories": trajectories,
        "failures": [],
    })  # fmt: skip
    _write(root / "timings.json", {"stages": {"generate": 0.5, "label": 75.0}})
    _write(root / "environment.json", {"python": "3.11.2", "gpu": None, "campaign_hash": "feedbeef",
                                       "packages": {"ase": "3.29.0"}})  # fmt: skip
    card = build_dataset(runs, DatasetSettings(), root / "dataset", 7)
    return SmallCampaign(root, structures, trajectories, card)


def write_training(campaign: SmallCampaign, *, quality: float = 0.8) -> Path:
    """Write a finished training whose model predicts forces times `quality`, and some noise."""
    folder = campaign.root / "training" / "allegro"
    (folder / "predictions").mkdir(parents=True)
    rng = np.random.default_rng(5)
    for split in ("val", "test"):
        frames = read_frames(campaign.root / "dataset" / f"{split}.extxyz")
        forces = np.concatenate([frame.forces for frame in frames])
        energies = np.array([frame.energy for frame in frames])
        n_atoms = np.array([len(frame) for frame in frames])
        none = np.full((3, 3), np.nan)
        stresses = np.array([none if f.stress is None else f.stress for f in frames])
        Predictions(
            structure_id=np.array([frame.structure_id for frame in frames]),
            family=np.array([frame.family for frame in frames]),
            n_atoms=n_atoms,
            energy_reference=energies,
            energy_predicted=energies + 0.01 * n_atoms * rng.normal(size=len(frames)),
            numbers=np.concatenate([frame.numbers for frame in frames]),
            free_mask=np.ones(len(forces), dtype=bool),
            forces_reference=forces,
            forces_predicted=quality * forces + 0.01 * rng.normal(size=forces.shape),
            stress_reference=stresses,
            stress_predicted=quality * stresses,
        ).write(folder / "predictions" / f"{split}.npz")
    (folder / "metrics/version_0").mkdir(parents=True)
    (folder / "metrics/version_0/metrics.csv").write_text(
        "epoch,step,seconds,train_loss_epoch/weighted_sum,val0_epoch/forces_mae,"
        "val0_epoch/per_atom_energy_mae,val0_epoch/weighted_sum\n"
        "0,9,1.5,2.5,0.5,0.25,0.75\n1,19,3.0,1.25,0.25,0.125,0.375\n2,29,4.5,1.0,0.125,0.0625,0.2\n"
    )
    result = {"variant": "allegro", "n_parameters": 5212, "epochs": 3, "best_epoch": 2,
              "seconds": 4.5, "seed": 7, "device": "cpu", "checkpoint": "best.ckpt"}  # fmt: skip
    _write(folder / "result.json", result)
    return folder


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


@pytest.fixture(scope="module")
def small_campaign(tmp_path_factory: pytest.TempPathFactory) -> SmallCampaign:
    """A labelled and collected campaign, made once per test module; do not change it."""
    return write_campaign(tmp_path_factory.mktemp("campaign") / "small")


@pytest.fixture
def make_campaign() -> Callable[..., SmallCampaign]:
    """Return the function that writes a campaign into a new folder."""
    return write_campaign


@pytest.fixture
def make_training() -> Callable[..., Path]:
    """Return the function that writes a training into a campaign."""
    return write_training


@pytest.fixture(scope="module")
def trained_campaign(tmp_path_factory: pytest.TempPathFactory) -> SmallCampaign:
    """A campaign with a trained model, made once per test module; do not change it."""
    campaign = write_campaign(tmp_path_factory.mktemp("trained") / "small")
    write_training(campaign)
    return campaign


@pytest.fixture
def made_up_properties(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the registry have the properties of `made_up_validation`, and no others."""
    monkeypatch.setattr(PROPERTIES, "entries", made_up_validation.PROPERTIES)
