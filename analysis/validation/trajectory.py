"""A trajectory of molecular dynamics, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

from cuprolith.arrays import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Consecutive frames of one run in a fixed cell.

    Attributes
    ----------
    numbers
        Atomic numbers, shape (n_atoms,).
    cell
        Lattice vectors, shape (3, 3), Å.
    positions
        Not wrapped into the cell, shape (n_frames, n_atoms, 3), Å.
    energies
        Potential energies, shape (n_frames,), eV.
    temperatures
        Shape (n_frames,), K.
    time_step
        Between frames, fs.
    stopped_because
        Why the run ended before its time; "" if it did not.
    """

    numbers: IntArray
    cell: FloatArray
    positions: FloatArray
    energies: FloatArray
    temperatures: FloatArray
    time_step: float
    stopped_because: str = ""
