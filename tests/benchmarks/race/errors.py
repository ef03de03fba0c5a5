"""Errors of any ASE calculator on labelled frames; needs only ASE and NumPy."""

import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms


def errors(path: Path, calculator: Any) -> dict[str, Any]:
    """Return mean absolute errors on an extended-XYZ file, of all and by family and system.

    Returns
    -------
    By group: forces in meV/Å per component and energies in meV/atom; and the processor
    milliseconds that an atom takes.
    """
    forces: dict[str, list[np.ndarray]] = defaultdict(list)
    energies: dict[str, list[float]] = defaultdict(list)
    started, n_atoms = time.process_time(), 0
    for frame in ase.io.iread(path, format="extxyz"):
        energy, pushes = frame.get_potential_energy(), frame.get_forces()
        bare = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.pbc)
        bare.calc = calculator
        wrong = 1000 * np.abs(bare.get_forces() - pushes)
        lifted = 1000 * abs(bare.get_potential_energy() - energy) / len(frame)
        n_atoms += len(frame)
        system = "-".join(sorted(set(frame.get_chemical_symbols())))
        for group in ("all", f"{frame.info['family']}, {system}"):
            forces[group].append(wrong.ravel())
            energies[group].append(lifted)
    spent = time.process_time() - started
    return {
        "groups": {
            group: {
                "n_frames": len(energies[group]),
                "force_mae": float(np.concatenate(forces[group]).mean()),
                "energy_mae": float(np.mean(energies[group])),
            }
            for group in sorted(forces)
        },
        "milliseconds_per_atom": 1000 * spent / n_atoms,
    }
