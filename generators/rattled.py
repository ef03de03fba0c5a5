"""Rattled copies: every atom displaced at random, for forces that no symmetry makes vanish."""

from __future__ import annotations

import hashlib

import numpy as np

from generators.candidate import Candidate


def rattled_candidates(
    candidate: Candidate,
    supercell: tuple[int, int, int] = (1, 1, 1),
    *,
    copies: int,
    standard_deviation: float,
    seed: int = 0,
) -> list[Candidate]:
    """Displace all atoms of a supercell by independent normal deviates.

    Parameters
    ----------
    candidate
        What is rattled; the parent of the copies, which keep its family, plane and free mask.
    supercell
        Repeats of the candidate's cell. In a cell of one atom per plane whole planes move, so
        give more.
    copies
        How many.
    standard_deviation
        Of each Cartesian component, Å.
    seed
        Decides the displacements, together with the candidate's id and the number of the copy:
        they do not depend on what else is generated.

    Returns
    -------
    list
        `copies` candidates.
    """
    repeats = int(np.prod(supercell))
    free = tuple(np.repeat(candidate.free_mask, repeats).tolist())
    rattled = []
    for copy in range(copies):
        structure = candidate.structure * supercell
        deviates = _generator(seed, candidate.structure_id, copy).normal(size=(len(structure), 3))
        for site, displacement in zip(structure, standard_deviation * deviates, strict=True):
            site.coords = site.coords + displacement
        rattled.append(
            Candidate(
                structure=structure,
                family=candidate.family,
                free_mask=free,
                miller_index=candidate.miller_index,
                parent_id=candidate.structure_id,
                parameters={
                    **candidate.parameters,
                    "rattle": {
                        "standard_deviation": standard_deviation,
                        "supercell": list(supercell),
                        "copy": copy,
                        "seed": seed,
                    },
                },
            )
        )
    return rattled


def _generator(seed: int, structure_id: str, copy: int) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}:{structure_id}:{copy}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
