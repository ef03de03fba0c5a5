"""Adatoms at the symmetry-distinct sites of a slab's top face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
from pymatgen.core import Element, Structure

from generators.candidate import Candidate
from generators.errors import GenerationError
from generators.provenance import stable_round
from generators.settings import Sites
from generators.slabs import Slab
from generators.surface_sites import SurfaceSite, surface_sites


def adatom_candidates(
    slab: Slab,
    species: Sequence[str],
    *,
    sites: Sequence[Sites] = get_args(Sites),
    supercell: tuple[int, int] = (2, 2),
    height: float = 2.0,
) -> list[Candidate]:
    """Put one adatom on a supercell of the slab, for each species and distinct site.

    Laskaris 2026, section III.B: at distinct sites, 2 Å on top of the surface. The sites are found
    on the slab's own cell (`generators.surface_sites`), not searched on the supercell. The height
    is measured from the local surface: the highest of the atoms the adatom stands on.

    Parameters
    ----------
    slab
        The slab; its candidate is the parent.
    species
        Elements of the adatom.
    sites
        Kinds of sites to fill.
    supercell
        In-plane repeats of the slab's cell, which carry one adatom.
    height
        Above the local surface, Å.

    Returns
    -------
    list
        Of family ``adatom``, by species, then site. The adatom is the last atom, and free; the
        others keep the slab's constraints.

    Raises
    ------
    GenerationError
        If a species is no element, or the vacuum is too low for the adatom.
    """
    for symbol in species:
        if not Element.is_valid_symbol(symbol):
            raise GenerationError(f"{symbol!r} is no element", remedy="Give element symbols")
    if 2 * slab.vacuum - height < slab.crystal.bond_length:
        raise GenerationError(
            f"an adatom {height} Å above {slab.crystal.name} {slab.miller_index} comes within a "
            f"bond of the next slab, {2 * slab.vacuum} Å away",
            remedy="Raise the slab's `vacuum` or lower `height`",
        )
    bare = slab.structure * (*supercell, 1)
    chosen = [(i, site) for i, site in enumerate(surface_sites(slab)) if site.kind in sites]
    return [
        _adatom_candidate(slab, bare, symbol, site, index=index, supercell=supercell, height=height)
        for symbol in species
        for index, site in chosen
    ]


def _adatom_candidate(
    slab: Slab,
    bare: Structure,
    symbol: str,
    site: SurfaceSite,
    *,
    index: int,
    supercell: tuple[int, int],
    height: float,
) -> Candidate:
    structure = bare.copy()
    x, y = site.fractions @ slab.structure.lattice.matrix[:2, :2]
    bottom = structure.cart_coords[:, 2].min()
    structure.append(
        symbol, [x, y, bottom + site.surface_height + height], coords_are_cartesian=True
    )
    free = np.repeat(slab.free_mask, supercell[0] * supercell[1])
    return Candidate(
        structure=structure,
        family="adatom",
        free_mask=(*free.tolist(), True),
        miller_index=slab.miller_index,
        parent_id=slab.candidate.structure_id,
        parameters={
            "crystal": slab.crystal.name,
            "supercell": list(supercell),
            "species": symbol,
            "site": site.kind,
            "site_index": index,
            "site_touches": site.touched,
            "site_position": [stable_round(fraction) for fraction in site.fractions],
            "height": float(height),
        },
    )
