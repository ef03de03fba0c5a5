"""Choose the structure on which the models of a study are measured."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import numpy as np
from ase import Atoms
from ase.io.jsonio import decode, encode
from pydantic import PlainSerializer, PlainValidator

from training.errors import TrainingError
from training.frame_sources.molecules import MoleculeSource
from training.source import TrainingSource

# Enough frames to find one of a usual size; reading all of a large split would take minutes.
_FRAMES_READ = 200
# Compiled models need at least two.
_FEWEST_ATOMS = 2


def _as_json(atoms: Atoms) -> str:
    """Write species, positions and cell of atoms; ASE's JSON keeps every digit."""
    return str(encode(Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)))


ExampleStructure = Annotated[
    Atoms,
    PlainSerializer(_as_json),
    PlainValidator(lambda given: decode(given) if isinstance(given, str) else given),
]
"""ASE atoms as a field of pydantic models."""


def example_structure(source: TrainingSource, n_atoms: int | None = None) -> Atoms:
    """Return a validation frame of median size, repeated until it has enough atoms.

    Parameters
    ----------
    source
        Frames; of the first 200 of the validation split, the first of median size is taken.
    n_atoms
        Smallest number of atoms; None takes the frame as it is, if it has two atoms. Only periodic
        frames are repeated, along the shortest periodic lattice vector first.

    Raises
    ------
    TrainingError
        If there are no frames.
    """
    candidates = _validation_atoms(source)
    if not candidates:
        raise TrainingError("the validation split has no frames to measure models on")
    sizes = np.array([len(atoms) for atoms in candidates])
    median = np.sort(sizes)[len(sizes) // 2]
    atoms = candidates[int(np.argmax(sizes == median))]
    return repeated(atoms, n_atoms or _FEWEST_ATOMS)


def repeated(atoms: Atoms, n_atoms: int) -> Atoms:
    """Repeat periodic atoms, the shortest lattice vector first, up to at least `n_atoms`."""
    lengths, repeats = atoms.cell.lengths(), np.ones(3, dtype=int)
    if not atoms.pbc.any():
        return atoms
    while len(atoms) * repeats.prod() < n_atoms:
        repeats[np.argmin(np.where(atoms.pbc, lengths * repeats, np.inf))] += 1
    return atoms.repeat(repeats.tolist())


def _validation_atoms(source: TrainingSource) -> list[Atoms]:
    if isinstance(source, MoleculeSource):  # QM9 has no frames, since it has no forces
        arrays = source.arrays("val")
        return [
            Atoms(arrays.numbers[atoms], arrays.positions[atoms])
            for atoms in map(arrays.atoms_of, range(min(len(arrays), _FRAMES_READ)))
        ]
    return [frame.to_atoms() for frame in islice(source.frames("val"), _FRAMES_READ)]
