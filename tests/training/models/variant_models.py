"""Models of all variants, with random and trained weights, and what they say about atoms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from hydra.utils import get_method
from nequip.data import AtomicDataDict, compute_neighborlist_, from_ase
from nequip.utils.dtype import torch_default_dtype
from nequip.utils.global_state import set_global_state

from training.settings import TrainingSettings
from training.variant import VARIANTS, model_config
from training.variants.allegro import AllegroSettings
from training.variants.allegro_mlp import FinalMLPSettings
from training.variants.allegro_qdi import QDISettings
from training.variants.nequip import NequIPSettings

SYMBOLS = ("Al", "Cu")
SHIFTS = {"Al": -0.31, "Cu": -0.17}
R_MAX = 4.5
NAMES = tuple(VARIANTS.entries)


ALLEGRO = AllegroSettings(
    r_max=R_MAX, num_layers=2, num_scalar_features=8, num_tensor_features=2, edge_mlp_width=8
)
SMALL: dict[str, dict[str, Any]] = {
    "allegro": {"model": ALLEGRO},
    "allegro-mlp": {
        "model": ALLEGRO,
        "final_mlp": FinalMLPSettings(input_width=6, widths=(10, 5)),
    },
    "allegro-qdi": {"model": ALLEGRO, "qdi": QDISettings(final_mlp_width=12)},
    "nequip": {
        "model": NequIPSettings(r_max=R_MAX, num_layers=2, num_features=4, radial_mlp_width=8)
    },
}


def settings(variant: str, **sections: Any) -> TrainingSettings:
    """Settings of a small model."""
    return VARIANTS[variant].settings(**{**SMALL[variant], **sections})


def config(variant: str, dtype: str = "float64", seed: int = 1, **sections) -> dict:
    """NequIP's configuration of a model, as a training writes it."""
    return {
        **model_config(settings(variant, **sections)),
        "seed": seed,
        "model_dtype": dtype,
        "type_names": list(SYMBOLS),
        "avg_num_neighbors": 12.0,
        "per_type_energy_scales": 0.5,
        "per_type_energy_shifts": SHIFTS,
    }


def build(variant: str, dtype: str = "float64", **options) -> torch.nn.Module:
    """Return a model with random weights."""
    return build_from(config(variant, dtype, **options))


def build_from(model: dict) -> torch.nn.Module:
    """Build a configuration the way NequIP's trainer does."""
    keywords = {key: value for key, value in model.items() if key != "_target_"}
    with torch.random.fork_rng(), torch_default_dtype(torch.float64):
        set_global_state()
        return get_method(model["_target_"])(**keywords).eval()


@cache
def random_model(variant: str) -> torch.nn.Module:
    return build(variant)


@cache
def trained_model(variant: str, steps: int = 60) -> torch.nn.Module:
    """Return a model after a few steps on EMT energies and forces."""
    model = build(variant).train()
    frames = [alloy(seed) for seed in range(6)]
    energies, forces = (torch.tensor(values) for values in emt_labels(frames))
    data = graph(*frames)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        output = model(data)
        energy_error = output[AtomicDataDict.TOTAL_ENERGY_KEY].flatten() - energies
        force_error = output[AtomicDataDict.FORCE_KEY] - forces
        loss = (energy_error / len(frames[0])).square().mean() + force_error.square().mean()
        loss.backward()
        optimizer.step()
    return model.eval()


def emt_labels(frames: list[Atoms]) -> tuple[np.ndarray, np.ndarray]:
    """Energies and forces of ASE's effective medium theory."""
    labelled = [frame.copy() for frame in frames]
    for atoms in labelled:
        atoms.calc = EMT()
    energies = np.array([atoms.get_potential_energy() for atoms in labelled])
    return energies, np.concatenate([atoms.get_forces() for atoms in labelled])


def force_rmse(model: torch.nn.Module, frames: list[Atoms]) -> float:
    """Against EMT, eV/Å."""
    error = predict(model, *frames).forces - emt_labels(frames)[1]
    return float(np.sqrt((error**2).mean()))


MODELS = {"random": random_model, "trained": trained_model}


def alloy(seed: int = 0, a: float = 3.8) -> Atoms:
    """Rattled, sheared four-atom cell of Al and Cu."""
    rng = np.random.default_rng(seed)
    atoms = bulk("Cu", "fcc", a, cubic=True)
    atoms.symbols[: 1 + seed % 3] = "Al"
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(size=(3, 3)) * 0.02), True)
    atoms.positions += rng.normal(size=(4, 3)) * 0.12
    return atoms


def cluster(seed: int = 0, n_atoms: int = 9) -> Atoms:
    """Atoms of a rattled crystal, without a cell."""
    rng = np.random.default_rng(seed)
    atoms = bulk("Cu", "fcc", 3.8, cubic=True).repeat(2)[:n_atoms]
    atoms = Atoms(atoms.numbers, atoms.positions + rng.normal(size=(n_atoms, 3)) * 0.12)
    atoms.symbols[::2] = "Al"
    return atoms


def graph(*frames: Atoms, r_max: float = R_MAX) -> AtomicDataDict.Type:
    """Return frames as one batch with neighbour lists, float64."""
    numbers = {13: 0, 29: 1}
    batch = []
    with torch_default_dtype(torch.float64):
        for frame in frames:
            atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.pbc)
            data = from_ase(atoms)
            types = [numbers[number] for number in atoms.numbers]
            data[AtomicDataDict.ATOM_TYPE_KEY] = torch.tensor(types)
            batch.append(compute_neighborlist_(data, r_max=r_max))
    return AtomicDataDict.batched_from_list(batch)


@dataclass(frozen=True)
class Prediction:
    """Of one or several frames; `stress` only where all have a cell."""

    energies: np.ndarray
    atomic_energies: np.ndarray
    forces: np.ndarray
    stress: np.ndarray | None

    @property
    def energy(self) -> float:
        (energy,) = self.energies
        return float(energy)


def predict(model: torch.nn.Module, *frames: Atoms) -> Prediction:
    """Energies (eV), forces (eV/Å) and stresses (eV/Å³)."""
    output = model(graph(*frames))

    def array(key: str) -> np.ndarray:
        return output[key].detach().numpy().astype(float)

    periodic = all(frame.pbc.all() for frame in frames)
    return Prediction(
        array(AtomicDataDict.TOTAL_ENERGY_KEY).ravel(),
        array(AtomicDataDict.PER_ATOM_ENERGY_KEY).ravel(),
        array(AtomicDataDict.FORCE_KEY),
        array(AtomicDataDict.STRESS_KEY) if periodic else None,
    )
