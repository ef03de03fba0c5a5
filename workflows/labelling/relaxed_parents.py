"""Starts of vacancies, adatoms and interfaces from the relaxed slabs they are built of.

Laskaris 2026, section III.B, relaxes the slabs and builds everything else from the relaxed ones.
The candidates, cut from ideal slabs, are known before anything is computed; here the relaxation
of their slabs is carried over to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase.geometry import find_mic
from jobflow import Response, job
from pymatgen.core import Structure

from cuprolith.arrays import FloatArray
from cuprolith.errors import CuprolithError
from generators.parent_mapping import ParentMapping
from workflows.structures.free_atoms import free_mask

_FUSED = 0.6  # of the bond
_APART = 1.5  # of the bond
_MOVED = 0.5  # of the bond: beyond, an atom is nearer to a neighbour's place than to its own
_THICKNESS_CHANGE = 0.2  # relative
_NEIGHBOUR_CUTOFF = 7.0  # Å; beyond 1.5 times the longest bond of an element


@job
def relaxed_start(
    ideal: Structure,
    parent_mapping: Sequence[ParentMapping],
    parents: Mapping[str, Mapping[str, Any]],
) -> Response:
    """Build the start of a relaxation, or stop the jobs that need it.

    Parameters
    ----------
    ideal
        The candidate, with ``selective_dynamics``.
    parent_mapping
        Where its atoms come from.
    parents
        By structure id: the slab before (``ideal``) and after its relaxation (``relaxed``; None
        if that has failed), and why the relaxation ended before its time (``stopped_because``).

    Returns
    -------
    Response
        ``structure``, or None with the reason in ``skipped``.
    """
    displacements = {}
    for parent_id, parent in parents.items():
        reason = _unusable(**parent)
        if reason:
            output = {"structure": None, "skipped": f"{parent_id}: {reason}"}
            return Response(output=output, stop_children=True)
        displacements[parent_id] = relaxed_displacements(parent["ideal"], parent["relaxed"])
    start = start_structure(ideal, parent_mapping, displacements)
    return Response(output={"structure": start.as_dict(), "skipped": ""})


def start_structure(
    ideal: Structure,
    parent_mapping: Sequence[ParentMapping],
    displacements: Mapping[str, FloatArray],
) -> Structure:
    """Move the atoms of a candidate as their slabs' atoms have moved.

    Parameters
    ----------
    ideal
        The candidate as cut from ideal slabs.
    parent_mapping
        Where its atoms come from.
    displacements
        Of the slabs' atoms (n_slab, 3), Å, by structure id. Atoms of other slabs stay.

    Returns
    -------
    Structure
        In the same cell, with the same site properties.
    """
    moved = np.concatenate(
        [
            mapping.displacements(displacements[mapping.parent_id])
            if mapping.parent_id in displacements
            else np.zeros((len(mapping.atoms), 3))
            for mapping in parent_mapping
        ]
    )
    return Structure(
        ideal.lattice,
        ideal.species,
        ideal.cart_coords + moved,
        coords_are_cartesian=True,
        site_properties=ideal.site_properties,
    )


def relaxed_displacements(ideal: Structure, relaxed: Structure) -> FloatArray:
    """Displacements in a relaxation, without a drift of the whole slab.

    Of all periodic images the nearest counts, since engines may wrap atoms into the cell. The
    drift is the mean displacement of the atoms that were held fixed, or of all if none was.

    Parameters
    ----------
    ideal, relaxed
        Before and after, atoms in the same order; what is fixed is in ``selective_dynamics`` of
        `ideal`.

    Returns
    -------
    FloatArray
        Shape (n, 3), Å.

    Raises
    ------
    CuprolithError
        If the atoms or the cells are not the same.
    """
    if ideal.species != relaxed.species or not np.allclose(
        ideal.lattice.matrix, relaxed.lattice.matrix, atol=1e-3
    ):
        raise CuprolithError(
            f"the relaxation of {ideal.formula} gave {relaxed.formula} with other atoms, in "
            "another order, or in another cell",
            remedy="Relax slabs in a fixed cell (ISIF=2), and keep the order of the atoms",
        )
    moved, _ = find_mic(relaxed.cart_coords - ideal.cart_coords, ideal.lattice.matrix)
    fixed = ~np.array(free_mask(ideal))
    still = fixed if fixed.any() else np.ones(len(ideal), dtype=bool)
    return np.asarray(moved - moved[still].mean(axis=0))


def fallen_apart(
    ideal: Structure, relaxed: Structure, *, keeps_shape: bool = True, adatom: bool = False
) -> str:
    """Say why a relaxed slab is no slab any more; "" if it is one.

    It is not where two atoms are closer than 0.6 bonds, or one has no neighbour within 1.5 bonds:
    a desorbed adatom, for one. A plain slab must also keep its thickness within 20 %, and each
    atom within half a bond of its place; in one with a defect, atoms may well change places. The
    bond of an atom is the distance of its nearest neighbour in `ideal`.

    Parameters
    ----------
    ideal, relaxed
        Before and after, atoms in the same order.
    keeps_shape
        Whether it is a plain slab.
    adatom
        Whether its last atom is an adatom.
    """
    if not np.isfinite(relaxed.cart_coords).all():
        return "positions that are not numbers"
    try:
        moved = relaxed_displacements(ideal, relaxed)
    except CuprolithError as error:
        return error.message
    after = Structure(
        ideal.lattice, ideal.species, ideal.cart_coords + moved, coords_are_cartesian=True
    )
    bonds, distances = _nearest_distances(ideal), _nearest_distances(after)
    closest = int(np.argmin(distances / bonds))
    if distances[closest] < _FUSED * bonds[closest]:
        return f"atom {closest} is {distances[closest]:.2f} Å from another one"
    # An adatom starts closer to the surface than a bond.
    full_bonds = np.maximum(bonds, np.median(bonds))
    farthest = int(np.argmax(distances / full_bonds))
    if distances[farthest] > _APART * full_bonds[farthest]:
        desorbed = adatom and farthest == len(ideal) - 1
        what = "the adatom has desorbed" if desorbed else f"atom {farthest} has left"
        return f"{what}: nothing within {_APART * full_bonds[farthest]:.2f} Å"
    return _deformed(ideal, after, moved, bonds) if keeps_shape else ""


def _deformed(ideal: Structure, after: Structure, moved: FloatArray, bonds: FloatArray) -> str:
    before, now = (float(np.ptp(slab.cart_coords[:, 2])) for slab in (ideal, after))
    if abs(now - before) > _THICKNESS_CHANGE * before:
        return f"its thickness went from {before:.2f} Å to {now:.2f} Å"
    lengths = np.linalg.norm(moved, axis=1)
    mover = int(np.argmax(lengths / bonds))
    if lengths[mover] > _MOVED * bonds[mover]:
        return f"atom {mover} moved by {lengths[mover]:.2f} Å, over half a bond"
    return ""


def _unusable(ideal: Structure, relaxed: Structure | None, stopped_because: str | None) -> str:
    """Why nothing can be built from a relaxed slab; "" if it can."""
    if relaxed is None:
        return "its relaxation has failed"
    if stopped_because:
        return f"its relaxation ended early: {stopped_because}"
    reason = fallen_apart(ideal, relaxed)
    return f"it fell apart: {reason}" if reason else ""


def _nearest_distances(structure: Structure) -> FloatArray:
    """Distance of each atom's nearest neighbour or image, (n,), Å; the cutoff if there is none."""
    nearest = np.full(len(structure), _NEIGHBOUR_CUTOFF)
    centers, _, _, distances = structure.get_neighbor_list(_NEIGHBOUR_CUTOFF)
    np.minimum.at(nearest, centers, distances)
    return nearest
