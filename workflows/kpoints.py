"""Explicit Γ-centred k-point meshes."""

from __future__ import annotations

from pymatgen.core import Structure
from pymatgen.io.vasp.inputs import Kpoints

PAPER_KPOINT_LENGTH = 32.0
"""Least number of divisions times lattice constant, Å (Laskaris 2026, section III.C)."""

FAMILIES_WITH_VACUUM = frozenset({"slab", "vacancy", "vacancy_2x2", "adatom"})


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
    lengths = [length, length, 1.0 if vacuum else length]
    mesh = Kpoints.automatic_density_by_lengths(structure, lengths, force_gamma=True).kpts[0]
    first, second, third = (int(division) for division in mesh)
    return first, second, third
