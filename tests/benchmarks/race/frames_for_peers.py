"""Write frames as MACE and GAP read them."""

from collections.abc import Sequence
from pathlib import Path

import ase.io
from ase import Atoms

ENERGY, FORCES = "REF_energy", "REF_forces"


def read_frames(path: Path) -> list[Atoms]:
    """Read labelled frames of extended XYZ."""
    return list(ase.io.iread(path, format="extxyz"))


def write_for_peers(frames: Sequence[Atoms], path: Path) -> None:
    """Write frames with keys that ASE does not take for results; atoms alone are marked."""
    written = []
    for frame in frames:
        bare = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.pbc)
        bare.info[ENERGY] = frame.get_potential_energy()
        bare.arrays[FORCES] = frame.get_forces()
        bare.info["config_type"] = "IsolatedAtom" if len(frame) == 1 else "Default"
        if not frame.cell.rank:
            bare.center(vacuum=10)  # both want a cell
        written.append(bare)
    ase.io.write(path, written, format="extxyz")
