"""Frames of a molecule: labelled by its campaign, then split as the publication splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cuprolith.errors import CuprolithError
from training.dataset.extxyz import write_frames
from training.dataset.frames import Frame
from training.dataset.splits import SPLITS, SplitName
from workflows.inputs.campaign import load_campaign
from workflows.labelling.label_plan import LabelPlan
from workflows.labelling.labelled_frames import labelled_frames
from workflows.molecule_reproduction.settings import SystemSettings
from workflows.stages.generate import generate
from workflows.stages.label import label
from workflows.workdir import Workdir

Splits = dict[SplitName, list[Frame]]


@dataclass(frozen=True)
class MoleculeData:
    """Folder with the splits of one system, and of its noisy copies."""

    folder: Path
    splits: Splits

    def files(self, noise: float) -> dict[SplitName, Path]:
        """Return the files to train, validate and test on; train and val with noise (eV)."""
        noisy = self.folder / f"noise-{noise:g}" if noise else self.folder
        return {
            name: (self.folder if name == "test" else noisy) / f"{name}.extxyz" for name in SPLITS
        }


def labelled_data(system: SystemSettings, inputs: Path, folder: Path, seed: int) -> MoleculeData:
    """Label the system's campaign in `folder`, and write its splits.

    What is labelled is not computed again.

    Raises
    ------
    CuprolithError
        If labels failed, or there are fewer than the splits need.
    """
    workdir = Workdir(folder / "campaign")
    folder.mkdir(parents=True, exist_ok=True)
    workdir.freeze(load_campaign(inputs / system.campaign))
    generate(workdir)
    label(workdir)
    plan = LabelPlan.of(workdir)
    frames = [frame for run in plan.runs for frame in labelled_frames(plan, run, workdir)]
    data = MoleculeData(folder, split_frames(frames, system, seed))
    for name, path in data.files(0.0).items():
        write_frames(path, data.splits[name])
    return data


def split_frames(frames: Sequence[Frame], system: SystemSettings, seed: int) -> Splits:
    """Choose frames to train, validate and test on.

    Raises
    ------
    CuprolithError
        If there are too few.
    """
    wanted = system.train + system.val + system.test
    if len(frames) < wanted:
        raise CuprolithError(
            f"{system.name}: {len(frames)} labelled frames, and the splits need {wanted}",
            remedy="label more structures, or ask for fewer frames",
        )
    if system.order == "even":
        return _along_cut(frames, system)
    order = np.random.default_rng(seed).permutation(len(frames))
    train, val, test, _ = np.split(
        order, np.cumsum([system.train, system.val, system.test]).tolist()
    )
    chosen: dict[SplitName, np.ndarray] = {"train": train, "val": val, "test": test}
    return {name: [frames[i] for i in sorted(indices)] for name, indices in chosen.items()}


def _along_cut(frames: Sequence[Frame], system: SystemSettings) -> Splits:
    """Take train evenly and with both ends, val evenly between them, and test from the rest."""
    by_distance = sorted(frames, key=lambda frame: distance_along(frame, system))
    inner = system.train + system.val
    places = np.linspace(0, len(frames) - 1, inner).round().astype(int).tolist()
    # The ends are trained on: nothing is predicted beyond what was seen.
    validated = {
        places[i] for i in np.linspace(1, inner - 2, system.val).round().astype(int).tolist()
    }
    rest = [i for i in range(len(frames)) if i not in set(places)]
    tested = [rest[i] for i in np.linspace(0, len(rest) - 1, system.test).round().astype(int)]
    return {
        "train": [by_distance[i] for i in places if i not in validated],
        "val": [by_distance[i] for i in sorted(validated)],
        "test": [by_distance[i] for i in tested],
    }


def distance_along(frame: Frame, system: SystemSettings) -> float:
    """Return the distance that a cut changes, Å."""
    assert system.cut is not None
    first, second = system.cut
    return float(np.linalg.norm(frame.positions[second] - frame.positions[first]))


def write_noisy(data: MoleculeData, noise: float, seed: int) -> None:
    """Write train and val with normal noise (eV) on their energies."""
    rng = np.random.default_rng([seed, round(1e6 * noise)])
    for name, path in data.files(noise).items():
        if name == "test":
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        frames = data.splits[name]
        shifts = noise * rng.normal(size=len(frames))
        write_frames(
            path,
            [
                replace(frame, energy=frame.energy + float(shift))
                for frame, shift in zip(frames, shifts, strict=True)
            ],
        )
