"""Coherent interfaces of two slabs."""

from __future__ import annotations

import numpy as np
from pymatgen.core import Lattice, Structure

from generators.candidate import Candidate
from generators.crystals import FloatArray, IntArray
from generators.lattice_match import LatticeMatch, MatchLimits, smallest_match
from generators.provenance import crystal_parameters, stable_round
from generators.slabs import Slab, wrapped


def interface_candidate(
    substrate: Slab,
    film: Slab,
    limits: MatchLimits,
    *,
    gap: float = 3.0,
    vacuum: float = 0.0,
) -> Candidate:
    """Join two slabs in the smallest coherent cell (Laskaris 2026, section III.B).

    The film is strained in the plane onto the substrate's lattice; its planes keep their
    distances. An atom of the film's lowest plane stands above one of the substrate's highest.

    Parameters
    ----------
    substrate
        Slab that keeps its lattice; it lies below.
    film
        Slab that is strained.
    limits
        Limits of the lattice match.
    gap
        Distance of the facing planes, Å.
    vacuum
        Above the film, Å. With 0 the film's top faces the substrate's bottom across the same gap.

    Returns
    -------
    Candidate
        Of family ``interface``; a root, whose miller index is the substrate's. The parameters
        tell both sides, the supercells, areas, strains of the film, and the number of atoms. Each
        slab keeps its own free layers.

    Raises
    ------
    GenerationError
        If nothing fits within `limits`; names the nearest alternatives.
    """
    match = smallest_match(
        _in_plane(substrate), _in_plane(film), (len(substrate.structure), len(film.structure)),
        limits,
    )  # fmt: skip
    structure = _joined(substrate, film, match, gap, vacuum)
    free = [
        np.repeat(slab.free_mask, _size(matrix)) for slab, matrix in _sides(substrate, film, match)
    ]
    return Candidate(
        structure=structure,
        family="interface",
        free_mask=tuple(np.concatenate(free).tolist()),
        miller_index=substrate.miller_index,
        parameters={
            "substrate": _side_parameters(substrate, match.substrate_matrix),
            "film": _side_parameters(film, match.film_matrix),
            "strained": "film",
            "area": stable_round(match.area),
            "area_mismatch": stable_round(match.area_mismatch),
            "principal_strains": [stable_round(strain) for strain in match.principal_strains],
            "von_mises_strain": stable_round(match.von_mises_strain),
            "area_tolerance": limits.area_tolerance,
            "max_strain": limits.max_strain,
            "gap": gap,
            "vacuum": vacuum,
            "registry": [0.0, 0.0],
            "n_atoms": len(structure),
        },
    )


def _in_plane(slab: Slab) -> FloatArray:
    return np.asarray(slab.structure.lattice.matrix[:2, :2])


def _size(matrix: IntArray) -> int:
    return round(float(np.linalg.det(matrix)))


def _sides(substrate: Slab, film: Slab, match: LatticeMatch) -> tuple[tuple[Slab, IntArray], ...]:
    return (substrate, match.substrate_matrix), (film, match.film_matrix)


def _joined(
    substrate: Slab, film: Slab, match: LatticeMatch, gap: float, vacuum: float
) -> Structure:
    """Substrate below, film above, in the substrate's supercell with its first vector along x."""
    a, b = match.substrate_matrix @ _in_plane(substrate)
    length = float(np.linalg.norm(a))
    above = vacuum or gap
    height = substrate.thickness + gap + film.thickness + above
    lattice = Lattice([[length, 0, 0], [a @ b / length, match.area / length, 0], [0, 0, height]])
    species: list[str] = []
    fractions: list[FloatArray] = []
    for slab, matrix in _sides(substrate, film, match):
        in_plane, atoms = _supercell(slab, matrix)
        heights = slab.heights[atoms]
        # The facing atoms that stand on one another give the origin.
        facing = int(np.argmax(slab.plane_numbers[atoms] == slab.plane_numbers[-1]))
        origin = in_plane[facing] if slab is substrate else in_plane[0]
        start = 0.0 if slab is substrate else substrate.thickness + gap
        z = (above / 2 + start + heights) / height
        fractions.append(np.column_stack([wrapped(in_plane - origin), z]))
        species.extend(slab.structure[atom].specie.symbol for atom in atoms)
    return Structure(lattice, species, np.concatenate(fractions))


def _supercell(slab: Slab, matrix: IntArray) -> tuple[FloatArray, IntArray]:
    """In-plane fractions (n, 2) in the supercell, and the slab's atom each one is a copy of."""
    size = _size(matrix)
    # Every lattice point of the supercell is a combination of the plane cell's vectors below its
    # index; the first `size` distinct ones modulo the supercell are all of them.
    points = np.array(list(np.ndindex(size, size)))
    inverse = np.rint(size * np.linalg.inv(matrix)).astype(np.int64)  # exact: the adjugate
    _, first = np.unique(points @ inverse % size, axis=0, return_index=True)
    points = points[np.sort(first)]
    atoms = np.repeat(np.arange(len(slab.structure)), size)
    own = slab.structure.frac_coords[atoms, :2] + np.tile(points, (len(slab.structure), 1))
    return own @ np.linalg.inv(matrix), atoms


def _side_parameters(slab: Slab, matrix: IntArray) -> dict[str, object]:
    return {
        **crystal_parameters(slab.crystal),
        "miller_index": list(slab.miller_index),
        "thickness": stable_round(slab.thickness),
        "layers": int(slab.layers_from_bottom.max()) + 1,
        "free_layers": slab.free_layers,
        "termination": 0,
        "supercell": matrix.tolist(),
        "n_atoms": len(slab.structure) * _size(matrix),
    }
