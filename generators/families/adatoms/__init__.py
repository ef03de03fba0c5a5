"""Adatoms at the symmetry-distinct sites of a slab's faces."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field
from pymatgen.core import Element, Structure

from cuprolith.arrays import IntArray
from cuprolith.settings import Listed
from generators.candidate import Candidate
from generators.contact import contact_distances, height_at_contact, rounded_height
from generators.crystals import wrapped
from generators.errors import GenerationError
from generators.families.adatoms.surface_sites import Face, Sites, SurfaceSite, surface_sites
from generators.family import BuildContext, Family, Kind
from generators.layers import PLANE_TOLERANCE
from generators.plane_supercells import (
    lateral_distances,
    map_to_slab,
    supercell_matrix,
    supercell_size,
    supercell_structure,
)
from generators.settings import Names, Positive, Repeats
from generators.slab import Slab
from generators.stable_numbers import stable_round
from generators.surface_defects import SurfaceDefectSettings, chosen_slabs


class AdatomSettings(SurfaceDefectSettings):
    """Adatoms at symmetry-distinct sites."""

    supercell: Annotated[tuple[Repeats, Repeats], Listed] = Field(
        default=(2, 2), description="in-plane repeats of the slab that gets one adatom"
    )
    species: Names = Field(description="elements of the adatom")
    sites: Annotated[tuple[Sites, ...], Listed] = Field(
        default=("on_top", "bridge", "hollow"), min_length=1, description="kinds of sites"
    )
    height: Positive | None = Field(
        default=None,
        description="height above the local surface, Å; default: where the adatom touches the "
        "surface, by covalent radii",
    )


def adatom_candidates(slab: Slab, settings: AdatomSettings) -> list[Candidate]:
    """Put one adatom on a supercell of the slab, for each species and distinct site.

    The sites are found on the slab's own cell (`surface_sites`), not searched on the supercell. The
    adatom comes down on its site until it touches an atom of the surface, as spheres of covalent
    radii do (`generators.contact`): lower in a hollow than on top, and lower for small atoms; but
    no lower than half that distance above the local surface, the outermost of the atoms it is on,
    so that a small atom does not sink into it. Laskaris 2026, section III.B, has 2 Å
    above the surface everywhere (`height`). Adatoms go on the top face, and below the bottom face
    too where the two differ.

    Returns
    -------
    list
        Of family ``adatom``, by species, then face, then site. The slab's candidate is the parent.
        The adatom is the last atom, and free; the others keep the slab's constraints.

    Raises
    ------
    GenerationError
        If a species is no element, or the vacuum is too low for the adatom.
    """
    for symbol in settings.species:
        if not Element.is_valid_symbol(symbol):
            raise GenerationError(f"{symbol!r} is no element", remedy="Give element symbols")
    faces: tuple[Face, ...] = ("top",) if slab.cut.equal_faces else ("top", "bottom")
    places = [
        _Place(face, number, site)
        for face in faces
        for number, site in enumerate(surface_sites(slab, face))
        if site.kind in settings.sites
    ]
    matrix = supercell_matrix(slab, settings.supercell, settings.cell)
    bare, copies = supercell_structure(slab, matrix)
    vectors = bare.lattice.matrix[:2, :2]
    mapping, added = map_to_slab(slab, matrix, vectors, copies), np.array([-1])
    candidates = []
    for symbol, place in product(settings.species, places):
        height = _height(slab, place, symbol, settings.height)
        below = _carriers(slab, place)
        candidates.append(
            Candidate(
                structure=_with_adatom(bare, matrix, symbol, place, height),
                family="adatom",
                free_mask=(*slab.free_mask[copies].tolist(), True),
                miller_index=slab.miller_index,
                parent_id=slab.candidate.structure_id,
                parameters={
                    "crystal": slab.crystal.name,
                    "supercell": list(settings.supercell),
                    "cell": settings.cell,
                    "area": stable_round(slab.area * supercell_size(matrix)),
                    "species": symbol,
                    **_described(place),
                    "height": stable_round(height),
                },
                parent_mapping=(mapping, map_to_slab(slab, matrix, vectors, added, *below)),
            )
        )
    return candidates


class _Place(NamedTuple):
    face: Face
    number: int  # among all sites of the face
    site: SurfaceSite


def _height(slab: Slab, place: _Place, symbol: str, given: float | None) -> float:
    """Height above the local surface, Å: as given, or where the adatom touches an atom.

    Raises
    ------
    GenerationError
        If the vacuum is too low for the adatom.
    """
    height = _height_from_radii(slab, place, symbol) if given is None else given
    if 2 * slab.vacuum - height < slab.crystal.bond_length:
        raise GenerationError(
            f"an adatom {height} Å above {slab.crystal.name} {slab.miller_index} comes within a "
            f"bond of the next slab, {2 * slab.vacuum} Å away",
            remedy="Raise the slab's `vacuum` or lower `height`",
        )
    return height


def _height_from_radii(slab: Slab, place: _Place, symbol: str) -> float:
    symbols = [site.specie.symbol for site in slab.structure]
    (contact,) = contact_distances([symbol], symbols)
    depths = slab.heights if place.face == "bottom" else slab.thickness - slab.heights
    lateral = lateral_distances(
        slab.structure.frac_coords[:, :2] - place.site.fractions,
        slab.structure.lattice.matrix[:2, :2],
    )
    stops = height_at_contact(contact, lateral) - depths + place.site.depth
    least = contact[_carriers(slab, place)].min() / 2
    return rounded_height(float(max(stops.max(), least)))


def _with_adatom(
    bare: Structure, matrix: IntArray, symbol: str, place: _Place, height: float
) -> Structure:
    structure = bare.copy()
    z = bare.cart_coords[:, 2]
    above = height - place.site.depth
    fractions = wrapped(place.site.fractions @ np.linalg.inv(matrix))
    outside = z.max() + above if place.face == "top" else z.min() - above
    structure.append(symbol, [*fractions, outside / bare.lattice.c])
    return structure


def _carriers(slab: Slab, place: _Place) -> list[int]:
    """Find the slab's atoms at the local surface below a site."""
    depths = slab.heights if place.face == "bottom" else slab.thickness - slab.heights
    level = np.flatnonzero(np.abs(depths - place.site.depth) < PLANE_TOLERANCE)
    differences = slab.structure.frac_coords[level, :2] - place.site.fractions
    lateral = lateral_distances(differences, slab.structure.lattice.matrix[:2, :2])
    near = lateral < lateral.min() + 0.1 * slab.crystal.bond_length
    atoms: list[int] = level[near].tolist()
    return atoms


def _described(place: _Place) -> dict[str, Any]:
    return {
        "face": place.face,
        "site": place.site.kind,
        "site_index": place.number,
        "site_touches": place.site.touched,
        # In the slab's own cell.
        "site_position": [stable_round(fraction) for fraction in place.site.fractions],
    }


def _build(section: AdatomSettings, context: BuildContext) -> Iterator[Candidate]:
    for slab in chosen_slabs(section, context, len(section.species) * len(section.sites)):
        yield from adatom_candidates(slab, section)


FAMILY = Family(
    name="adatoms",
    settings=AdatomSettings,
    build=_build,
    kinds=(
        Kind(
            "adatom",
            "slabs with one atom more on the surface",
            "#cc79a7",
            slab_like=True,
            adatom=True,
        ),
    ),
    order=40,
    several=True,
    overlap=("height", "Raise `height`, or leave it out: it then follows from the elements"),
)
