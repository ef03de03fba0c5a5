"""Coherent interfaces of two slabs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
from pymatgen.core import Structure

from cuprolith.arrays import FloatArray, IntArray
from generators.candidate import Candidate
from generators.contact import contact_distances, height_at_contact, rounded_height
from generators.crystals import wrapped
from generators.errors import GenerationError
from generators.families.interfaces.common_cell import CommonCell, Side, Strained, common_cell
from generators.families.interfaces.face_exchange import face_exchange
from generators.families.interfaces.half_turn import before_half_turn, half_turn
from generators.families.interfaces.lattice_match import MatchLimits
from generators.families.interfaces.registry_shifts import shift_cell
from generators.lattice_planes import upright_lattice
from generators.parent_mapping import ParentMapping, as_matrix, plane_transform
from generators.plane_supercells import (
    in_plane_supercell,
    lateral_distances,
    map_to_slab,
    supercell_size,
)
from generators.slab import Slab
from generators.stable_numbers import stable_round


def interface_candidates(
    substrate: Slab,
    film: Slab,
    limits: MatchLimits,
    *,
    gaps: tuple[float, ...] | None = None,
    registries: tuple[int, int] = (1, 1),
    strained: Strained = "film",
    film_on: Literal["top", "both"] = "top",
    vacuum: float = 0.0,
) -> list[Candidate]:
    """Join two slabs in the smallest coherent cell (Laskaris 2026, section III.B).

    The substrate lies below. The faces that meet are those that the terminations name: a film
    whose faces differ is turned over, since a termination is that of the top face. One side or
    both are strained in the plane; distances along the normal stay as they are, without Poisson
    contraction.

    Parameters
    ----------
    substrate, film
        The slabs.
    limits
        Limits of the lattice match (see `common_cell`). Films on both faces count
        twice in the number of atoms.
    gaps
        Distances of the facing planes, Å. None: one for each registry, at which the first two
        atoms of two slabs touch as spheres of covalent radii do (`generators.contact`); with
        several interfaces in the cell, the widest.
    registries
        m and n of a grid of in-plane shifts (i/m, j/n) of the film, in the cell of shifts that
        differ (see `shift_cell`). At (0, 0) an atom of the film's lowest plane stands
        above one of the substrate's highest.
    strained
        Side that is strained; "both": half each.
    film_on
        "both" puts a second film below the substrate: the image of the upper one under a symmetry
        operation of the substrate that exchanges its faces or, where there is none, the same
        film mirrored in the substrate's plane.
    vacuum
        Between the topmost plane and the lowest one of the next cell, Å. With 0 the film's top
        faces the substrate's bottom across the same gap.

    Returns
    -------
    list
        Of family ``interface``; roots, whose miller index is the substrate's. One for each gap
        and, within it, each shift. Each slab keeps its own free layers.

    Raises
    ------
    GenerationError
        If nothing fits within `limits`; names the nearest alternatives. If films are wanted on
        both faces without vacuum.
    """
    if film_on == "both" and vacuum <= 0:
        raise GenerationError(
            "without vacuum the films on both faces of the substrate meet each other",
            remedy="Give a `vacuum` above 0, or put the film on `top`",
        )
    upright = film
    if not film.equal_faces:
        film = half_turn(film)
    films = 2 if film_on == "both" else 1
    cell = common_cell(substrate, film, limits, strained, films=films)
    strained_side = cell.substrate if strained == "substrate" else cell.film
    parameters: dict[str, object] = {
        "area": stable_round(cell.area),
        "area_mismatch": stable_round(cell.area_mismatch),
        "principal_strains": _rounded(strained_side.principal_strains),
        "area_tolerance": limits.area_tolerance,
        "max_strain": limits.max_strain,
        "substrate": _side_parameters(substrate, cell.substrate),
        "film": {
            **_side_parameters(film, cell.film, films),
            "turned_over": not film.equal_faces,
        },
        "strained": strained,
        "film_on": film_on,
        "vacuum": float(vacuum),
    }
    exchange = None
    if film_on == "both":
        exchange = face_exchange(substrate, cell.substrate.matrix, cell.vectors)
        parameters["equal_interfaces"] = exchange is not None
    shifts = shift_cell(cell.substrate.matrix, cell.film.matrix, cell.vectors)

    def blocks_at(gap: float, shift: FloatArray) -> list[_Block]:
        below, above = _substrate_and_film(substrate, film, cell, gap, shift)
        if film is not upright:
            above = above._replace(mapping=before_half_turn(above.mapping, upright))
        if film_on == "top":
            return [below, above]
        return [below, above, _lower_film(below, above, exchange, cell.vectors)]

    candidates = []
    for given, i, j in product(gaps or (None,), range(registries[0]), range(registries[1])):
        registry = np.array([i / registries[0], j / registries[1]])
        shift = registry @ shifts
        gap = given
        if gap is None:
            gap = _gap_at_contact(blocks_at(0.0, shift), cell.vectors, periodic=vacuum == 0)
        place = {
            "gap": float(gap),
            "registry": _rounded(registry),
            "registry_shift": _rounded(shift @ cell.vectors),
        }
        blocks = blocks_at(gap, shift)
        candidates.append(_candidate(blocks, cell, vacuum or gap, parameters | place))
    return candidates


class _Block(NamedTuple):
    """A slab repeated over the common cell."""

    slab: Slab
    atoms: IntArray  # (n,): the slab's atom that each one is a copy of
    in_plane: FloatArray  # (n, 2): fractions of the common cell
    heights: FloatArray  # (n,): above the substrate's bottom plane, Å
    mapping: ParentMapping

    @property
    def symbols(self) -> list[str]:
        """Element of each atom."""
        return [self.slab.structure[int(atom)].specie.symbol for atom in self.atoms]


def _gap_at_contact(blocks: list[_Block], vectors: FloatArray, *, periodic: bool) -> float:
    """Gap at which the first atoms of two blocks touch; the blocks given have none.

    Parameters
    ----------
    blocks
        Substrate, film on top and, if there is one, film below.
    vectors
        Of the common cell, shape (2, 2), Å.
    periodic
        Whether the film's top faces the next substrate's bottom.
    """
    substrate, film, *lower = blocks
    facing = [(substrate, film), *((below, substrate) for below in lower)]
    if periodic:
        up = float(film.heights.max() - substrate.heights.min())
        facing.append((film, substrate._replace(heights=substrate.heights + up)))
    return rounded_height(max(_rise_to_contact(*pair, vectors) for pair in facing))


def _rise_to_contact(lower: _Block, upper: _Block, vectors: FloatArray) -> float:
    """How far the upper block, which has no gap, has to rise for its first atom to touch, Å.

    At least half the least contact distance, so that blocks with wide hollows stay apart.
    """
    contact = contact_distances(lower.symbols, upper.symbols)
    # Atoms far from the facing planes touch nothing.
    reach = float(contact.max())
    top = np.flatnonzero(lower.heights > lower.heights.max() - reach)
    bottom = np.flatnonzero(upper.heights < upper.heights.min() + reach)
    differences = upper.in_plane[None, bottom] - lower.in_plane[top, None]
    facing = contact[np.ix_(top, bottom)]
    stops = height_at_contact(facing, lateral_distances(differences, vectors))
    rises = stops - (upper.heights[None, bottom] - lower.heights[top, None])
    return float(max(rises.max(), facing.min() / 2))


def _substrate_and_film(
    substrate: Slab, film: Slab, cell: CommonCell, gap: float, shift: FloatArray
) -> tuple[_Block, _Block]:
    """Place the film on top; its shift is in fractions of the common cell."""
    in_plane, atoms = in_plane_supercell(substrate, cell.substrate.matrix)
    mapping = map_to_slab(substrate, cell.substrate.matrix, cell.vectors, atoms)
    below = _Block(substrate, atoms, in_plane, substrate.heights[atoms], mapping)
    in_plane, atoms = in_plane_supercell(film, cell.film.matrix)
    heights = substrate.thickness + gap + film.heights[atoms]
    in_plane = in_plane - in_plane[0] + _topmost_atom(below) + shift
    mapping = map_to_slab(film, cell.film.matrix, cell.vectors, atoms)
    return below, _Block(film, atoms, in_plane, heights, mapping)


def _topmost_atom(block: _Block) -> FloatArray:
    """In-plane fractions of the first atom of a block's highest plane."""
    planes = block.slab.plane_numbers
    return np.asarray(block.in_plane[np.argmax(planes[block.atoms] == planes[-1])])


def _lower_film(
    substrate: _Block,
    film: _Block,
    exchange: tuple[IntArray, FloatArray] | None,
    vectors: FloatArray,
) -> _Block:
    """Map the upper film onto the substrate's other face.

    Without an operation that exchanges the faces, the film is mirrored in the substrate's plane
    and stands on an atom of the lowest plane as the upper one does on the highest. `vectors` are
    those of the common cell.
    """
    if exchange is None:
        exchange = np.eye(2, dtype=np.int64), substrate.in_plane[0] - _topmost_atom(substrate)
    rotation, translation = exchange
    mirror = plane_transform(vectors, rotation @ vectors, mirrored=True)
    return film._replace(
        in_plane=film.in_plane @ rotation + translation,
        heights=substrate.slab.thickness - film.heights,
        mapping=replace(
            film.mapping, transform=as_matrix(np.array(film.mapping.transform) @ mirror)
        ),
    )


def _candidate(
    blocks: list[_Block], cell: CommonCell, above: float, parameters: dict[str, object]
) -> Candidate:
    """Put the blocks into a cell, `above` Å apart from the next ones along the normal."""
    heights = np.concatenate([block.heights for block in blocks])
    bottom = float(heights.min())
    height = float(heights.max()) - bottom + above
    in_plane = np.concatenate([block.in_plane for block in blocks]) - _topmost_atom(blocks[0])
    z = (heights - bottom + above / 2) / height
    lattice = upright_lattice(cell.vectors, height)
    species = [block.slab.structure[atom].specie for block in blocks for atom in block.atoms]
    free = [block.slab.free_mask[block.atoms] for block in blocks]
    return Candidate(
        structure=Structure(lattice, species, np.column_stack([wrapped(in_plane), z])),
        family="interface",
        free_mask=tuple(np.concatenate(free).tolist()),
        miller_index=blocks[0].slab.miller_index,
        parameters={**parameters, "n_atoms": len(species)},
        parent_mapping=tuple(block.mapping for block in blocks),
    )


def _side_parameters(slab: Slab, side: Side, slabs: int = 1) -> dict[str, object]:
    return {
        **slab.crystal.parameters,
        "miller_index": list(slab.miller_index),
        "thickness": stable_round(slab.thickness),
        "layers": int(slab.layers_from_bottom.max()) + 1,
        "free_layers": slab.free_layers,
        "termination": slab.termination,
        "supercell": side.matrix.tolist(),
        "principal_strains": _rounded(side.principal_strains),
        "von_mises_strain": stable_round(side.von_mises_strain),
        "n_atoms": slabs * len(slab.structure) * supercell_size(side.matrix),
    }


def _rounded(values: Iterable[float]) -> list[float]:
    return [stable_round(value) for value in values]
