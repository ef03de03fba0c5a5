"""The text of CONTCAR, from which a next run continues."""

from __future__ import annotations

import numpy as np

from workflows.vasp_rehearsal.formats import columns, wrapped
from workflows.vasp_rehearsal.inputs import RunInputs
from workflows.vasp_rehearsal.motion import Continuation


def scaled_positions(positions: np.ndarray, inputs: RunInputs) -> np.ndarray:
    """Return Cartesian positions (Å) in units of the lattice vectors, in [0, 1)."""
    return wrapped(positions @ np.linalg.inv(inputs.atoms.cell.array))


def contcar(continuation: Continuation, inputs: RunInputs) -> str:
    """Return CONTCAR: positions (wrapped) and, in MD, velocities and the thermostat's state."""
    cell = "".join(f" {columns(row, 22, 16)}\n" for row in inputs.atoms.cell.array)
    elements = "".join(f"{kind.element:>5s}" for kind in inputs.species)
    counts = "".join(f"{kind.count:6d}" for kind in inputs.species)
    parts = [f"{inputs.comment}\n   1.00000000000000     \n{cell}{elements}\n{counts}\n"]
    if inputs.free is not None:
        parts.append("Selective dynamics\n")
    parts.append("Direct\n")
    flags = [""] * len(inputs.atoms)
    if inputs.free is not None:
        flags = ["".join("   T" if flag else "   F" for flag in row) for row in inputs.free]
    scaled = scaled_positions(continuation.positions, inputs)
    parts += [f"{columns(row, 20, 16)}{flag}\n" for row, flag in zip(scaled, flags, strict=True)]
    if continuation.velocities is not None:
        parts.append("\n" + _scientific(continuation.velocities))
    if continuation.thermostat is not None and continuation.velocities is not None:
        parts.append("\n" + continuation.thermostat.to_poscar(continuation.time_step) + "\n")
        # pymatgen keeps the block only with 3 n rows that do not vanish; they are not read here.
        moves = continuation.velocities @ np.linalg.inv(inputs.atoms.cell.array)
        zeros = np.zeros_like(moves)
        parts.append(_scientific(np.vstack([moves * continuation.time_step, zeros, zeros])))
    return "".join(parts)


def _scientific(rows: np.ndarray) -> str:
    return "".join("".join(f" {number:24.16E}" for number in row) + "\n" for row in rows)
