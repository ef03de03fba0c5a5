"""Explicit Γ-centred k-point meshes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cuprolith.arrays import FloatArray

if TYPE_CHECKING:
    from pymatgen.core import Structure

PAPER_KPOINT_LENGTH = 32.0
"""Least number of divisions times lattice constant, Å (Laskaris 2026, section III.C)."""

LEAST_VACUUM = 6.0
"""Å; wider than any layer spacing of a crystal, narrower than any useful vacuum."""


def gamma_mesh(
    structure: Structure, *, vacuum: bool, length: float = PAPER_KPOINT_LENGTH
) -> tuple[int, int, int]:
    """Divisions of a Γ-centred mesh.

    Parameters
    ----------
    structure
        Periodic structure, vacuum (if any) along the third lattice vector.
    vacuum
        Whether there is vacuum; the mesh then has one division along it.
    length
        Least number of divisions times lattice constant, Å.
    """
    # Settings import this module, and with it every command; VASP's inputs take half a second.
    from pymatgen.io.vasp.inputs import Kpoints

    lengths = [length, length, 1.0 if vacuum else length]
    mesh = Kpoints.automatic_density_by_lengths(structure, lengths, force_gamma=True).kpts[0]
    first, second, third = (int(division) for division in mesh)
    return first, second, third


def structure_mesh(structure: Structure, length: float) -> tuple[int, int, int]:
    """Mesh of a structure; one division along the third vector where it crosses vacuum.

    Atoms and molecules in a box, with vacuum along all three vectors, get Γ alone.

    Parameters
    ----------
    structure
        Periodic structure.
    length
        As for `gamma_mesh`, Å.
    """
    if all(vacuum_width(structure, axis) > LEAST_VACUUM for axis in range(3)):
        return (1, 1, 1)
    return gamma_mesh(structure, vacuum=has_vacuum(structure), length=length)


def vacuum_width(structure: Structure, axis: int = 2) -> float:
    """Width of the widest empty layer across a lattice vector, Å.

    Parameters
    ----------
    structure
        Periodic structure.
    axis
        The lattice vector, from 0.
    """
    # Distance of neighbouring lattice planes, which is shorter than the vector in a slanted cell.
    spacing = 1.0 / structure.lattice.reciprocal_lattice_crystallographic.abc[axis]
    return float(widest_gap(structure.frac_coords[:, axis]) * spacing)


def widest_gap(fractions: FloatArray) -> float:
    """Return the widest empty part of a lattice vector, as a fraction of it."""
    places = np.sort(fractions % 1.0)
    return float(np.diff(places, append=places[0] + 1.0).max())


def has_vacuum(structure: Structure) -> bool:
    """Whether a structure has vacuum along its third lattice vector."""
    return vacuum_width(structure) > LEAST_VACUUM
