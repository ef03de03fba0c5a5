"""Surface vacancies: one per distinct coordination number of surface atoms."""

from __future__ import annotations

import numpy as np

from generators.candidate import Candidate
from generators.slabs import Slab


def vacancy_candidates(slab: Slab, supercell: tuple[int, int] = (2, 2)) -> list[Candidate]:
    """Remove one surface atom of each distinct coordination number and element.

    Surface atoms have fewer first neighbours than in the bulk (Laskaris 2026, section III.B).
    Of several with the same coordination number the outermost one goes, on the top face where
    both faces have it.

    An atom that is the only one of its plane in the supercell is passed over: without it the
    plane is gone, and what is left is another slab and no vacancy. In the smallest cells of
    elements every plane has one atom, so that they have vacancies only from (1, 2) and (2, 1) on.

    Parameters
    ----------
    slab
        The slab; its candidate is the parent.
    supercell
        In-plane repeats of the slab's cell, which carry one vacancy.

    Returns
    -------
    list
        By element, lowest coordination number first; of family ``vacancy_2x2`` where `supercell`
        is (2, 2), else ``vacancy``. Empty where all are passed over.
    """
    repeats = supercell[0] * supercell[1]
    structure = slab.structure * (*supercell, 1)
    free = np.repeat(slab.free_mask, repeats)
    candidates = []
    for atom in _surface_atoms(slab):
        if np.count_nonzero(slab.plane_numbers == slab.plane_numbers[atom]) * repeats == 1:
            continue
        remaining = structure.copy()
        remaining.remove_sites([atom * repeats])
        candidates.append(
            Candidate(
                structure=remaining,
                family="vacancy_2x2" if supercell == (2, 2) else "vacancy",
                free_mask=tuple(np.delete(free, atom * repeats).tolist()),
                miller_index=slab.miller_index,
                parent_id=slab.candidate.structure_id,
                parameters={
                    "crystal": slab.crystal.name,
                    "supercell": list(supercell),
                    "element": structure[atom * repeats].specie.symbol,
                    "coordination": int(slab.coordination[atom]),
                    "layer": int(min(slab.layers_from_top[atom], slab.layers_from_bottom[atom])),
                },
            )
        )
    return candidates


def _surface_atoms(slab: Slab) -> list[int]:
    """One atom per element and coordination number: the outermost, of the top face if it can."""
    middle = slab.plane_numbers.max() / 2
    chosen: dict[tuple[int, int], tuple[tuple[float, bool, int], int]] = {}
    for atom in np.flatnonzero(slab.undercoordinated).tolist():
        plane = float(slab.plane_numbers[atom])
        # Fewest planes to its own face, then the top face, then first in order.
        rank = (min(plane, 2 * middle - plane), plane < middle, atom)
        key = (slab.structure[atom].specie.Z, int(slab.coordination[atom]))
        if key not in chosen or rank < chosen[key][0]:
            chosen[key] = (rank, atom)
    return [atom for _, (_, atom) in sorted(chosen.items())]
