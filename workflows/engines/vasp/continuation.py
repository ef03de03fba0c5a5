"""Continuation of an interrupted run: CONTCAR of its last attempt, if it fits the labels."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from ase import units
from pymatgen.core import Structure
from pymatgen.io.vasp.inputs import Poscar

from cuprolith.arrays import FloatArray
from workflows.labelling.document import Trajectory

# Of the last step's length: the thermostat's part in a Verlet step is some percent of it, a step
# too many or too few is all of it.
_PREDICTION_TOLERANCE = 0.3
_FORCE_TO_ACCELERATION = units._e / units._amu * 1e-10  # eV/Å per u in Å/fs²


def read_contcar(directory: Path) -> Poscar | None:
    """Return CONTCAR; None if there is none, or it was cut while being written."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            contcar = Poscar.from_file(str(directory / "CONTCAR"), check_for_potcar=False)
    except (OSError, ValueError, IndexError, KeyError, UnicodeDecodeError):
        return None
    return contcar if np.isfinite(contcar.structure.cart_coords).all() else None


def relaxation_continuation(directory: Path, start: Structure) -> str | None:
    """Return the POSCAR that continues an interrupted relaxation; None if there is none.

    Parameters
    ----------
    directory
        Folder of the interrupted attempt.
    start
        Start of the relaxation, atoms as written.
    """
    contcar = read_contcar(directory)
    if contcar is None or contcar.structure.species != start.species:
        return None
    return (directory / "CONTCAR").read_text()


def dynamics_continuation(
    directory: Path, trajectory: Trajectory, order: list[int], time_step: float
) -> str | None:
    """Return the POSCAR that continues an interrupted MD segment; None if there is none.

    VASP writes CONTCAR after each ionic step, with the next positions, velocities and thermostat
    (https://www.vasp.at/wiki/index.php/CONTCAR). vasprun.xml is buffered and may lag behind, and
    a kill may fall between the two. CONTCAR is taken only if it is one Verlet step ahead of the
    last label: otherwise labels would be missing, or come twice.

    Parameters
    ----------
    directory
        Folder of the interrupted attempt.
    trajectory
        Its labels, in the candidate's order.
    order
        Index in the candidate of each atom as written.
    time_step
        fs.
    """
    contcar = read_contcar(directory)
    if contcar is None or contcar.velocities is None or len(trajectory.energies) < 2:
        return None
    before, last = (np.array(each)[order] for each in trajectory.positions[-2:])
    masses = np.array([site.specie.atomic_mass for site in contcar.structure], dtype=float)
    forces = np.array(trajectory.forces[-1])[order]
    push = forces / masses[:, None] * _FORCE_TO_ACCELERATION * time_step**2
    lattice = contcar.structure.lattice.matrix
    step = _nearest(last - before, lattice)
    found = _nearest(np.array(contcar.structure.cart_coords) - last, lattice)
    if np.linalg.norm(found - step - push) > _PREDICTION_TOLERANCE * np.linalg.norm(step):
        return None
    return (directory / "CONTCAR").read_text()


def _nearest(vectors: FloatArray, lattice: FloatArray) -> FloatArray:
    scaled = vectors @ np.linalg.inv(lattice)
    return np.asarray((scaled - np.round(scaled)) @ lattice)
