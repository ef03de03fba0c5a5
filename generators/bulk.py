"""Bulk crystals, perfect and isotropically strained."""

from __future__ import annotations

from collections.abc import Sequence

from generators.candidate import Candidate
from generators.crystals import Crystal
from generators.provenance import crystal_parameters


def bulk_candidates(
    crystal: Crystal,
    strains: Sequence[float] = (0.0,),
    supercell: tuple[int, int, int] = (1, 1, 1),
) -> list[Candidate]:
    """Bulk crystals for an equation of state, one per strain; all atoms are free.

    Parameters
    ----------
    crystal
        The crystal.
    strains
        Isotropic linear strains: every length is multiplied by 1 + strain; 0 is the perfect
        crystal.
    supercell
        Repeats of the primitive cell.

    Returns
    -------
    list
        In the order of `strains`. A strained crystal's parent is the perfect one of the same
        supercell, whether or not that one is among `strains`.
    """
    perfect = _bulk_candidate(crystal, 0.0, supercell, parent_id="")
    return [
        perfect
        if strain == 0
        else _bulk_candidate(crystal, strain, supercell, parent_id=perfect.structure_id)
        for strain in strains
    ]


def _bulk_candidate(
    crystal: Crystal, strain: float, supercell: tuple[int, int, int], parent_id: str
) -> Candidate:
    structure = crystal.primitive * supercell
    structure.apply_strain(strain)
    return Candidate(
        structure=structure,
        family="bulk",
        free_mask=(True,) * len(structure),
        parent_id=parent_id,
        parameters={
            **crystal_parameters(crystal),
            "strain": float(strain),
            "supercell": list(supercell),
        },
    )
