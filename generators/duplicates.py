"""Duplicates: candidates of any family that are the same structure up to an isometry.

Two candidates are the same if a rotation, reflection and shift, together with another choice of
the cell and of the order of atoms, takes one to the other, with the same elements and the same
atoms free. Mirror images count as the same, since their energies are equal. The number of
atoms must agree: a supercell of a slab is another candidate, which a campaign may ask for on
purpose, to see the same surface through another cell and k-point mesh.

Not all pairs are compared. Candidates with the same elements, free atoms and volume are sorted by
the environments of their atoms, and only where these agree an isometry is looked for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from pymatgen.core import Lattice
from scipy.spatial import cKDTree

from cuprolith.arrays import FloatArray, IntArray
from generators.candidate import Candidate
from generators.family import kinds
from generators.molecule import is_molecule

# Å. Structures whose lattice vectors and atoms agree within this are found to be the same; it is
# the grid of the ids, and far below real differences (a strain of 0.1 % of 2.5 Å).
_TOLERANCE = 1e-3
_CUTOFF = 5.0  # Å; two to three shells of metals

# How many atoms there are of each kind (element, and whether free), and the kind's number.
_Kinds = tuple[tuple[int, int], ...]


def unique_candidates(
    candidates: Iterable[Candidate],
) -> tuple[list[Candidate], list[tuple[Candidate, str]]]:
    """Leave out candidates that are the same structure as another one.

    Of equal ones that one stays which others were made from, else whose own parent stays, else
    the first by family, then by id: what is kept does not depend on the order of `candidates`.
    An id holds the id of the parent, so that no child can be given to another parent; therefore
    the ancestors of all that is kept stay, too, even where two of them are equal.

    Returns
    -------
    kept, duplicates
        Candidates in the order they came in; and each one left out, with the id of the kept one
        that it equals. One that comes twice, with the same id, is a duplicate of itself.
    """
    given = list(candidates)
    by_id: dict[str, Candidate] = {}
    for candidate in given:
        by_id.setdefault(candidate.structure_id, candidate)
    equal_to = _representatives(by_id, _classes(by_id.values()))
    stay = set(equal_to.values())
    for structure_id in list(stay):
        stay.update(_ancestors(by_id, by_id[structure_id]))
    kept, duplicates = [], []
    for candidate in given:
        if candidate.structure_id not in stay:
            duplicates.append((candidate, equal_to[candidate.structure_id]))
        elif candidate is by_id[candidate.structure_id]:
            kept.append(candidate)
        else:
            duplicates.append((candidate, candidate.structure_id))
    return kept, duplicates


def _ancestors(by_id: Mapping[str, Candidate], candidate: Candidate) -> Iterator[str]:
    """Ids of the parent, its parent, ... as far as they are among the candidates."""
    while candidate.parent_id in by_id:
        candidate = by_id[candidate.parent_id]
        yield candidate.structure_id


def _representatives(
    by_id: Mapping[str, Candidate], classes: Iterable[list[Candidate]]
) -> dict[str, str]:
    """Id of each candidate -> id of the one that represents its class."""
    parents = {candidate.parent_id for candidate in by_id.values()}
    depth = {
        structure_id: sum(1 for _ in _ancestors(by_id, candidate))
        for structure_id, candidate in by_id.items()
    }
    rank = {name: number for number, name in enumerate(kinds())}
    equal_to: dict[str, str] = {}
    stay: set[str] = set()

    def preference(candidate: Candidate) -> tuple[bool, bool, int, str]:
        orphaned = candidate.parent_id in by_id and candidate.parent_id not in stay
        made_from = candidate.structure_id in parents
        return not made_from, orphaned, rank[candidate.family], candidate.structure_id

    # Parents before children, so that it is known which parents stay.
    for equal in sorted(
        classes, key=lambda equal: min((depth[c.structure_id], c.structure_id) for c in equal)
    ):
        first = min(equal, key=preference)
        stay.update([first.structure_id, *_ancestors(by_id, first)])
        equal_to.update({candidate.structure_id: first.structure_id for candidate in equal})
    return equal_to


@dataclass(frozen=True)
class _Description:
    """A candidate in terms that isometries leave alone, and in a reduced cell.

    Atoms are sorted by kind, the rarest kind first, within it by environment.
    """

    candidate: Candidate
    lattice: Lattice
    positions: FloatArray  # (n, 3), Å
    fractions: FloatArray  # (n, 3), in [0, 1)
    kinds: IntArray  # (n,), rank of each atom's kind
    environments: FloatArray  # (n,)
    tolerance: float  # of the environments

    @property
    def rarest(self) -> float:
        """Mean environment of the rarest kind: one adatom distinguishes two sites."""
        return float(self.environments[self.kinds == 0].mean())

    @cached_property
    def tree(self) -> cKDTree:
        return cKDTree(self.fractions, boxsize=1.0)


def _classes(candidates: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    """Sort candidates into classes of equal ones."""
    by_kinds: dict[tuple[bool, _Kinds], list[Candidate]] = {}
    for candidate in candidates:
        kinds, counts = np.unique(_kind_of_atoms(candidate), return_counts=True)
        rarest_first = tuple(sorted(zip(counts.tolist(), kinds.tolist(), strict=True)))
        by_kinds.setdefault((is_molecule(candidate.structure), rarest_first), []).append(candidate)
    for (_, counted_kinds), alike in by_kinds.items():
        ranked = [kind for _, kind in counted_kinds]
        for group in _same_volume(alike):
            if len(group) == 1:
                yield group
            else:
                yield from _equal([_description(candidate, ranked) for candidate in group])


def _kind_of_atoms(candidate: Candidate) -> IntArray:
    """Return element and freedom of each atom as a number, shape (n,)."""
    return 2 * np.array(candidate.structure.atomic_numbers) + np.array(candidate.free_mask)


def _same_volume(candidates: list[Candidate]) -> Iterator[list[Candidate]]:
    """Split candidates where, sorted by volume, there is a gap between neighbours."""
    lattices = [candidate.structure.lattice for candidate in candidates]
    volumes = np.array([lattice.volume for lattice in lattices])
    # dV/V of lattice vectors that move by the tolerance: the sum of 1/(distance of planes).
    planes = np.array(
        [np.sum(lattice.reciprocal_lattice_crystallographic.abc) for lattice in lattices]
    )
    order = np.argsort(volumes, kind="stable")
    gaps = np.diff(volumes[order], prepend=volumes[order[0]])
    part = np.cumsum(gaps > _TOLERANCE * (volumes * planes)[order])
    for _, members in groupby(zip(part, order, strict=True), key=lambda item: item[0]):
        yield [candidates[i] for _, i in members]


def _description(candidate: Candidate, kinds: list[int]) -> _Description:
    """Describe a candidate; an environment is a sum over neighbours, by distance and kind."""
    structure = candidate.structure
    atoms = len(structure)
    ranks = (_kind_of_atoms(candidate)[:, None] == kinds).argmax(axis=1)
    centers, neighbours, _, distances = structure.get_neighbor_list(_CUTOFF)
    # (1 - x²)² is smooth at the cutoff, where noise would else let neighbours come and go.
    x = distances / _CUTOFF
    weights = 1 + ranks[neighbours] / len(kinds)
    terms = weights * (1 - x**2) ** 2
    slopes = weights * 4 * x * (1 - x**2) / _CUTOFF
    environments = np.bincount(centers, terms, atoms)
    order = np.lexsort((environments, ranks))
    lattice = structure.lattice.get_lll_reduced_lattice()
    return _Description(
        candidate=candidate,
        lattice=lattice,
        positions=structure.cart_coords[order],
        fractions=_in_cell(lattice.get_fractional_coords(structure.cart_coords[order])),
        kinds=ranks[order],
        environments=np.asarray(environments[order], dtype=np.float64),
        # Both atoms of each pair may be off by the tolerance.
        tolerance=2 * _TOLERANCE * float(np.bincount(centers, slopes, atoms).max()),
    )


def _in_cell(fractions: FloatArray) -> FloatArray:
    inside = fractions - np.floor(fractions)
    inside[inside >= 1] = 0.0  # what a hair below 0 is rounded to
    return np.asarray(inside)


def _equal(alike: list[_Description]) -> Iterator[list[Candidate]]:
    """Sort candidates with the same kinds of atoms into classes, by a sweep over `rarest`."""
    alike = sorted(alike, key=lambda one: one.rarest)
    environments = np.array([one.environments for one in alike])
    values = [one.rarest for one in alike]
    firsts: list[int] = []  # first member of each class, by its place in `alike`
    classes: dict[int, list[Candidate]] = {}
    for i, one in enumerate(alike):
        start = bisect_left(values, values[i] - one.tolerance)
        near = np.array(firsts[bisect_left(firsts, start) :], dtype=int)
        differences = np.abs(environments[near] - one.environments).max(axis=1)
        for first in near[differences <= one.tolerance].tolist():
            if _isometric(alike[first], one):
                classes[first].append(one.candidate)
                break
        else:
            firsts.append(i)
            classes[i] = [one.candidate]
    yield from classes.values()


def _isometric(first: _Description, second: _Description) -> bool:
    """Whether an isometry takes one structure to the other, kinds of atoms included."""
    if is_molecule(first.candidate.structure):
        return _same_distances(first, second)
    # The atom that can go to the fewest places.
    partners = (first.kinds[:, None] == second.kinds) & (
        np.abs(first.environments[:, None] - second.environments) <= first.tolerance
    )
    anchor = int(partners.sum(axis=1).argmin())
    goals = second.fractions[partners[anchor]]
    for mapping in _lattice_mappings(first.lattice, second.lattice):
        mapped = first.fractions @ mapping
        if any(_coincide(mapped + goal - mapped[anchor], first.kinds, second) for goal in goals):
            return True
    return False


def _same_distances(first: _Description, second: _Description) -> bool:
    """Whether the atoms of two molecules can be paired such that all distances agree.

    Then an isometry takes one molecule to the other. Atoms are paired one after another, and a
    pairing is given up where a distance differs.
    """
    near = [_distances(one) for one in (first, second)]
    partners = (first.kinds[:, None] == second.kinds) & (
        np.abs(first.environments[:, None] - second.environments) <= first.tolerance
    )
    paired: list[int] = []

    def extended() -> bool:
        atom = len(paired)
        if atom == len(first.kinds):
            return True
        for partner in np.flatnonzero(partners[atom]).tolist():
            if partner in paired:
                continue
            apart = near[0][atom, :atom] - near[1][partner, paired]
            if np.abs(apart).max(initial=0.0) <= 2 * _TOLERANCE:
                paired.append(partner)
                if extended():
                    return True
                paired.pop()
        return False

    return extended()


def _distances(one: _Description) -> FloatArray:
    positions = one.positions
    return np.asarray(np.linalg.norm(positions[:, None] - positions, axis=-1))


def _lattice_mappings(first: Lattice, second: Lattice) -> Iterator[IntArray]:
    """Ways to lay the first lattice on the second: its vectors (rows) in the second's basis."""
    lengths = np.array(first.abc)
    relative = 2 * _TOLERANCE / lengths.min()
    bound = _TOLERANCE * (lengths[:, None] + lengths)  # of the metric, when vectors move
    for aligned, _, mapping in second.find_all_mappings(
        first, ltol=relative, atol=np.degrees(2 * relative), skip_rotation_matrix=True
    ):
        difference = aligned.matrix @ aligned.matrix.T - first.matrix @ first.matrix.T
        if (np.abs(difference) <= bound).all():
            yield mapping


def _coincide(fractions: FloatArray, kinds: IntArray, structure: _Description) -> bool:
    """Whether atoms lie on those of a structure, each on one of its own kind."""
    # Nearest in fractions is nearest in space where it matters: on an atom.
    _, nearest = structure.tree.query(_in_cell(fractions))
    if (structure.kinds[nearest] != kinds).any():
        return False
    apart = fractions - structure.fractions[nearest]
    distances = np.linalg.norm((apart - np.rint(apart)) @ structure.lattice.matrix, axis=1)
    # The anchor, laid on its partner, may itself be off by the tolerance.
    return bool((distances <= 2 * _TOLERANCE).all())
