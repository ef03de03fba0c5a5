"""Surface vacancies: one for each element and coordination number of surface atoms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pymatgen.core import Structure

from cuprolith.arrays import FloatArray, IntArray
from generators.candidate import Candidate
from generators.errors import GenerationError
from generators.family import BuildContext, Family, Kind
from generators.lattice_planes import reduction
from generators.plane_supercells import (
    lateral_distances,
    map_to_slab,
    supercell_matrix,
    supercell_structure,
)
from generators.slab import Slab
from generators.stable_numbers import stable_round
from generators.surface_defects import SurfaceDefectSettings, chosen_slabs


class VacancySettings(SurfaceDefectSettings):
    """Surface vacancies, one per distinct coordination number of surface atoms."""

    removed: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1,
        description="atoms of one coordination number removed together, as far apart as can be",
    )


def vacancy_candidates(slab: Slab, settings: VacancySettings) -> list[Candidate]:
    """Remove surface atoms of each distinct element and coordination number.

    Surface atoms have fewer first neighbours than in the bulk (Laskaris 2026, section III.B).
    Of several with the same coordination number the outermost of the top face is removed first; an
    atom of the bottom face only if the top face has none. Each further one is the farthest from
    those already removed and from their images in the plane, on either face; distances across
    the vacuum do not count. For two atoms that is the best choice with the first one given, for
    more a greedy one.

    A removal of the whole outermost plane is skipped, because it leaves a thinner slab and no
    vacancy; the next atom of the same coordination number is removed instead, if there is one. The
    removal of a whole inner plane, of one atom in a small supercell, leaves a row or a plane of
    vacancies and is kept.

    Returns
    -------
    list
        By element, lowest coordination number first; of family ``vacancy_2x2`` where the supercell
        is (2, 2), else ``vacancy``. The slab's candidate is the parent. The parameters have the
        supercell's area (Å²), and the shortest distance of a vacancy from another or from an image
        (Å). Empty where all are skipped.
    """
    supercell, cell, removed = settings.supercell, settings.cell, settings.removed
    matrix = supercell_matrix(slab, supercell, cell)
    structure, copies = supercell_structure(slab, matrix)
    vectors = structure.lattice.matrix[:2, :2]
    candidates = []
    for group in _surface_groups(slab):
        chosen = _removal(slab, structure, copies, group, removed)
        if chosen is None:
            continue
        remaining = structure.copy()
        remaining.remove_sites(chosen)
        candidates.append(
            Candidate(
                structure=remaining,
                family="vacancy_2x2" if supercell == (2, 2) else "vacancy",
                free_mask=tuple(np.delete(slab.free_mask[copies], chosen).tolist()),
                miller_index=slab.miller_index,
                parent_id=slab.candidate.structure_id,
                parameters={
                    "crystal": slab.crystal.name,
                    "supercell": list(supercell),
                    "cell": cell,
                    "area": stable_round(slab.area * len(structure) / len(slab.structure)),
                    "removed": removed,
                    **_place(slab, copies[chosen]),
                    "vacancy_distance": stable_round(_least_distance(structure, chosen)),
                },
                parent_mapping=(map_to_slab(slab, matrix, vectors, np.delete(copies, chosen)),),
            )
        )
    return candidates


def _place(slab: Slab, atoms: IntArray) -> dict[str, str | int]:
    """Describe what is removed, and from where; `atoms` are the slab's, shape (removed,)."""
    faces = {"bottom" if below else "top" for below in _on_bottom_face(slab)[atoms]}
    layers = np.minimum(slab.layers_from_top, slab.layers_from_bottom)
    return {
        "element": slab.structure[atoms[0]].specie.symbol,
        "coordination": int(slab.coordination[atoms[0]]),
        "layer": int(layers[atoms[0]]),
        "face": faces.pop() if len(faces) == 1 else "both",
    }


def _on_bottom_face(slab: Slab) -> NDArray[np.bool_]:
    """Find the atoms nearer the bottom plane than the top one, counted in planes, shape (n,)."""
    planes = slab.plane_numbers
    return np.asarray(2 * planes < planes.max())


def _surface_groups(slab: Slab) -> list[list[int]]:
    """Surface atoms by element and coordination number; top face first, outermost first."""
    planes = slab.plane_numbers
    depths = np.minimum(planes, planes.max() - planes)
    order = np.lexsort((depths, _on_bottom_face(slab)))  # stable: then as in the slab
    groups: dict[tuple[int, int], list[int]] = {}
    for atom in order[slab.undercoordinated[order]].tolist():
        key = (slab.structure[atom].specie.Z, int(slab.coordination[atom]))
        groups.setdefault(key, []).append(atom)
    return [groups[key] for key in sorted(groups)]


def _removal(
    slab: Slab, structure: Structure, copies: IntArray, group: list[int], removed: int
) -> list[int] | None:
    """Atoms of the supercell to remove from a group of the slab's atoms; None if there are none."""
    members = np.flatnonzero(np.isin(copies, group))
    if len(members) < removed:
        return None
    planes = slab.plane_numbers[copies]
    for first in group:
        chosen = [int(np.searchsorted(copies, first))]
        while len(chosen) < removed:
            nearest = _distances(structure, members, chosen).min(axis=1)
            # Of equally far ones the first in order, however the float noise falls.
            ranks = [-stable_round(distance) for distance in nearest]
            chosen.append(int(members[int(np.argmin(ranks))]))
        if not _is_thinner_slab(planes, chosen):
            return chosen
    return None


def _is_thinner_slab(planes: IntArray, removed: list[int]) -> bool:
    """Whether only whole planes are left, without a gap between them."""
    all_atoms = np.bincount(planes)
    left = np.bincount(np.delete(planes, removed), minlength=len(all_atoms))
    remaining = np.flatnonzero(left)
    whole = (left[remaining] == all_atoms[remaining]).all()
    return bool(whole and (np.diff(remaining) == 1).all())


def _distances(structure: Structure, atoms: IntArray, others: list[int]) -> FloatArray:
    """Distances (Å) of atoms from others and their in-plane images, shape (atoms, others)."""
    differences = (
        structure.frac_coords[atoms][:, None, :2] - structure.frac_coords[others][None, :, :2]
    )
    heights = structure.cart_coords[:, 2]
    lateral = lateral_distances(differences, structure.lattice.matrix[:2, :2])
    return np.hypot(lateral, heights[atoms][:, None] - heights[others][None, :])


def _least_distance(structure: Structure, atoms: list[int]) -> float:
    """Shortest distance (Å) of an atom from another or from an image in the plane, its own too."""
    vectors = structure.lattice.matrix[:2, :2]
    shortest = np.linalg.norm((reduction(vectors) @ vectors)[0])
    pairs = _distances(structure, np.array(atoms), atoms)[np.triu_indices(len(atoms), 1)]
    return float(min(shortest, pairs.min(initial=np.inf)))


def _build(section: VacancySettings, context: BuildContext) -> Iterator[Candidate]:
    chosen = chosen_slabs(section, context, 1)
    without: list[str] = []
    for slab in chosen:
        vacancies = vacancy_candidates(slab, section)
        if not vacancies:
            without.append(f"{slab.crystal.name} {slab.miller_index}")
        yield from vacancies
    left_out = (
        f"no vacancies in the {section.supercell} supercells of {', '.join(without)}: removing the "
        "atoms would only leave a thinner slab"
    )
    if len(without) == len(chosen):
        raise GenerationError(
            left_out,
            key=f"{context.where}.supercell",
            remedy="Give a larger `supercell`, such as [2, 2]",
        )
    if without:
        context.notes.append(f"{context.where}: {left_out}")


FAMILY = Family(
    name="vacancies",
    settings=VacancySettings,
    build=_build,
    kinds=(
        Kind("vacancy", "slabs that lack surface atoms", "#009e73", slab_like=True),
        Kind("vacancy_2x2", "2 × 2 slabs that lack surface atoms", "#56b4e9", slab_like=True),
    ),
    order=30,
    several=True,
)
