"""Join two slabs into coherent interfaces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np
from pymatgen.core import Structure

from cuprolith.arrays import FloatArray, IntArray
from generators.candidate import Candidate
from generators.contact import contact_distances, height_at_contact, rounded_height
from generators.crystals import wrapped
from generators.families.interfaces.common_cell import CommonCell, Side, common_cell
from generators.families.interfaces.flipped_slabs import flip_slab, unflip_mapping
from generators.families.interfaces.rigid_shifts import dsc_cell
from generators.families.interfaces.settings import InterfaceSettings
from generators.families.interfaces.slab_mirror_symmetry import find_face_exchange
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
    substrate: Slab, film: Slab, settings: InterfaceSettings
) -> list[Candidate]:
    """Join two slabs in the smallest coherent cell (Laskaris 2026, section III.B).

    The substrate lies below. The faces that meet are those that the terminations name: a film
    whose faces differ is turned over, since a termination is that of the top face. One side or
    both are strained in the plane; distances along the normal stay as they are, without Poisson
    contraction.

    Without given gaps, each registry has the one at which the first two atoms of two slabs touch as
    spheres of covalent radii do (`generators.contact`); with several interfaces in the cell, the
    widest. Registries are in-plane shifts of the film over a grid in the cell of shifts that differ
    (`dsc_cell`); at (0, 0) an atom of the film's lowest plane is above one of the substrate's
    highest. A second film (``film_on: both``) is the image of the upper one under a symmetry
    operation of the substrate that exchanges its faces or, where there is none, the same film
    mirrored in the substrate's plane; both films count in the number of atoms. Without vacuum the
    film's top faces the substrate's bottom across the same gap.

    Returns
    -------
    list
        Of family ``interface``; roots, whose miller index is the substrate's. One for each gap
        and, within it, each shift. Each slab keeps its own free layers.

    Raises
    ------
    GenerationError
        If nothing fits within the limits; names the nearest alternatives.
    """
    upright = film
    if not film.cut.equal_faces:
        film = flip_slab(film)
    both = settings.film_on == "both"
    cell = common_cell(substrate, film, settings.limits, settings.strained, films=2 if both else 1)
    exchange = find_face_exchange(substrate, cell.substrate.matrix, cell.vectors) if both else None
    parameters = _parameters(substrate, film, cell, settings)
    if both:
        parameters["equal_interfaces"] = exchange is not None
    shifts = dsc_cell(cell.substrate.matrix, cell.film.matrix, cell.vectors)

    def blocks_at(gap: float, shift: FloatArray) -> list[_Block]:
        below, above = _substrate_and_film(substrate, film, cell, gap, shift)
        if film is not upright:
            above = above._replace(mapping=unflip_mapping(above.mapping, upright))
        lower = [_lower_film(below, above, exchange, cell.vectors)] if both else []
        return [below, above, *lower]

    candidates = []
    vacuum, (m, n) = settings.vacuum, settings.registries
    for given, i, j in product(settings.gaps or (None,), range(m), range(n)):
        registry = np.array([i / m, j / n])
        shift = registry @ shifts
        gap = given
        if gap is None:
            gap = _gap_at_contact(blocks_at(0.0, shift), cell.vectors, periodic=vacuum == 0)
        place = {
            "gap": gap,
            "registry": _rounded(registry),
            "registry_shift": _rounded(shift @ cell.vectors),
        }
        blocks = blocks_at(gap, shift)
        candidates.append(_candidate(blocks, cell, vacuum or gap, parameters | place))
    return candidates


def _parameters(
    substrate: Slab, film: Slab, cell: CommonCell, settings: InterfaceSettings
) -> dict[str, object]:
    """Parameters that the gaps and registries of a pair share; `film` may be turned over."""
    strained = cell.substrate if settings.strained == "substrate" else cell.film
    return {
        "area": stable_round(cell.area),
        "area_mismatch": stable_round(cell.area_mismatch),
        "principal_strains": _rounded(strained.principal_strains),
        "area_tolerance": settings.area_tolerance,
        "max_strain": settings.max_strain,
        "substrate": _side_parameters(substrate, cell.substrate),
        "film": {
            **_side_parameters(film, cell.film, 2 if settings.film_on == "both" else 1),
            "turned_over": not film.cut.equal_faces,
        },
        "strained": settings.strained,
        "film_on": settings.film_on,
        "vacuum": settings.vacuum,
    }


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
    and is on an atom of the lowest plane as the upper one is on the highest. `vectors` are
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
