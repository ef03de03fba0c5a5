"""A dataset as the reference, for a potential without a campaign."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms

from analysis.validation.material import Material
from analysis.validation.source import Source
from cuprolith.arrays import FloatArray
from cuprolith.errors import CuprolithError
from training.dataset.card import CARD_NAME
from training.dataset.splits import SplitName
from training.sources.dataset import DatasetSource
from training.sources.extxyz.reading import UNKNOWN_FAMILY
from workflows.validation.labels import LABELS

_MOST_FRAMES = 200
_HELD_OUT: tuple[SplitName, ...] = ("test", "val")


def is_dataset(path: Path) -> bool:
    """Whether a path is the folder of a dataset."""
    return (path / CARD_NAME).is_file()


def dataset_material(dataset: DatasetSource, r_max: float | None) -> Material:
    """Return what a potential is judged on that was trained on a dataset.

    Parameters
    ----------
    dataset
        Its test frames are held out, or the validation frames where there are none; at most 200,
        evenly over the file, in groups by family, or by composition where families are not known.
    r_max
        Cutoff radius of the potential, Å.

    Raises
    ------
    CuprolithError
        If the dataset has only train frames.
    TrainingError
        If its file is missing or changed.
    """
    split = next((split for split in _HELD_OUT if dataset.n_frames(split)), None)
    if split is None:
        raise CuprolithError(
            "the dataset has neither test nor val frames, so nothing to judge a potential by",
            where=str(dataset.directory),
            remedy="collect it again with more frames",
        )
    dataset.verified_hash(split)
    groups: dict[str, list[Atoms]] = {}
    stride = -(-dataset.n_frames(split) // _MOST_FRAMES)
    for number, atoms in enumerate(dataset.structures(split)):
        if number % stride == 0:
            family = atoms.info["family"]
            name = atoms.get_chemical_formula() if family in ("", UNKNOWN_FAMILY) else family
            groups.setdefault(name, []).append(atoms)
    return Material(
        crystals={},
        held_out={name: tuple(frames) for name, frames in sorted(groups.items())},
        elements=dataset.symbols,
        r_max=r_max,
    )


class FrameLabels(Source):
    """The labels of the frames of a dataset; nothing else is known."""

    def __init__(self, dataset: DatasetSource) -> None:
        hashes = [part.sha256 for part in dataset.card.splits.values()]
        super().__init__(LABELS, identity="-".join(hashes), computes=False)

    def forces(self, atoms: Atoms) -> FloatArray:
        """Return the labelled forces of a frame."""
        return np.asarray(atoms.calc.results["forces"], dtype=float)
