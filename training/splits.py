"""Cut a dataset into train, val and test between trajectories and parents, never through them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from training.settings import SplitSettings

SplitName = Literal["train", "val", "test"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)
_HELD_OUT: tuple[SplitName, ...] = ("test", "val")
# Covering one more chemical system or family is worth this much more than the share asked for.
_EXCESS_FOR_COVER = 0.25
_REMEDY = (
    "label at least 3 structures that are not made from one another (e.g. another strain of a "
    "bulk crystal, or another slab)"
)


class Relatives(NamedTuple):
    """Ids that tie a frame to others: frames that share one belong in the same split."""

    structure_id: str
    parent_id: str
    trajectory_id: str


class Strata(NamedTuple):
    """What each split should have some of."""

    system: str
    family: str


@dataclass(frozen=True)
class Group:
    """Frames that must stay together.

    Attributes
    ----------
    name
        Alphabetically first structure id of the group.
    structure_ids
        All structures with frames in the group, sorted.
    strata
        Chemical systems and families in the group, e.g. ``("system Cu-Li", "family slab")``.
    frames
        Indices of its frames.
    """

    name: str
    structure_ids: tuple[str, ...]
    strata: frozenset[str]
    frames: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.frames)


def group_frames(
    frames: Sequence[tuple[Relatives, Strata]], known: Iterable[Relatives] = ()
) -> list[Group]:
    """Return the groups of frames that are related, directly or through others, sorted by name.

    Parameters
    ----------
    frames
        Ids and strata of each frame.
    known
        Ids of frames that are not in the dataset (quarantined, say) and yet relate others.
    """
    families = _UnionFind()
    for relatives in {*known, *(relatives for relatives, _ in frames)}:
        structure = ("structure", relatives.structure_id)
        families.join(structure, ("trajectory", relatives.trajectory_id))
        if relatives.parent_id:
            families.join(structure, ("structure", relatives.parent_id))
    members: dict[_Node, list[int]] = defaultdict(list)
    for index, (relatives, _) in enumerate(frames):
        members[families.root(("structure", relatives.structure_id))].append(index)
    groups = [_group(frames, indices) for indices in members.values()]
    return sorted(groups, key=lambda group: group.name)


def split_groups(
    groups: Sequence[Group], settings: SplitSettings, seed: int
) -> dict[SplitName, list[Group]]:
    """Assign groups to splits.

    The largest group goes to train. Then, from the rarest stratum (chemical system or family)
    to the commonest, test and val each take a group that covers it, if train keeps another one
    and the share of frames (or a quarter more) permits. Then they are filled up to their shares
    with groups in random order, at first with those that bring every stratum nearer to its
    share. A share may be missed by half a group, more where groups are few and large. Train
    keeps at least half of all frames (or its own share, if that is less), unless val or test
    would be empty otherwise.

    The outcome depends on the groups' names, strata and sizes and on the seed, not on their
    order. Random choices rank names by a hash, which is the same on every machine and with
    every NumPy.

    Parameters
    ----------
    groups
        From :func:`group_frames`.
    settings
        Shares of frames for val and test.
    seed
        Decides among equal choices.

    Returns
    -------
    For each split its groups, sorted by name; none is empty.

    Raises
    ------
    ValueError
        If there are fewer than 3 groups.
    """
    if len(groups) < len(SPLITS):
        raise ValueError(
            f"{len(groups)} unrelated group{'s' * (len(groups) != 1)} of frames "
            f"({', '.join(group.name for group in groups) or 'no frames'}) cannot be split into "
            f"train, val and test without near-copies on both sides: {_REMEDY}"
        )
    draw = _Draw(groups, settings, seed)
    draw.cover_strata()
    draw.fill_empty()
    draw.fill_shares()
    return {
        split: sorted(chosen, key=lambda group: group.name)
        for split, chosen in draw.chosen().items()
    }


class _Draw:
    """State of one split: what is held out so far, and what train is left with."""

    def __init__(self, groups: Sequence[Group], settings: SplitSettings, seed: int) -> None:
        def rank(name: str) -> bytes:
            return hashlib.sha256(f"{seed} {name}".encode()).digest()

        ranked = sorted(groups, key=lambda group: rank(group.name))
        self._largest = max(ranked, key=len)
        self._free = {group.name: group for group in ranked if group is not self._largest}
        self._held: dict[SplitName, list[Group]] = {split: [] for split in _HELD_OUT}
        self._frames = dict.fromkeys(_HELD_OUT, 0)
        total = sum(map(len, groups))
        self._fraction = {"val": settings.val, "test": settings.test}
        self._share = {split: fraction * total for split, fraction in self._fraction.items()}
        self._most_held = max(0.5, settings.val + settings.test) * total
        # Frames of each stratum, in all and held out; groups of each stratum in train.
        self._stratum_frames: Counter[str] = Counter()
        for group in groups:
            self._stratum_frames.update(dict.fromkeys(group.strata, len(group)))
        self._covered: dict[SplitName, Counter[str]] = {split: Counter() for split in _HELD_OUT}
        self._train_strata = Counter(stratum for group in groups for stratum in group.strata)
        self._strata_order = sorted(
            self._train_strata, key=lambda stratum: (self._train_strata[stratum], rank(stratum))
        )
        self._by_stratum: dict[str, list[Group]] = defaultdict(list)
        for group in self._free.values():
            for stratum in group.strata:
                self._by_stratum[stratum].append(group)

    def chosen(self) -> dict[SplitName, list[Group]]:
        return {"train": [self._largest, *self._free.values()], **self._held}

    def cover_strata(self) -> None:
        for i, stratum in enumerate(self._strata_order):
            for split in sorted(_HELD_OUT, key=self._fullness):
                if self._covered[split][stratum]:
                    continue
                room = self._share[split] - self._frames[split]
                wanted = max(room, 0.0) / (len(self._strata_order) - i)
                candidates = [
                    group
                    for group in self._by_stratum[stratum]
                    if self._fits(group, split, _EXCESS_FOR_COVER)
                ]
                if candidates:
                    # min() keeps the first of equals: candidates are in random order.
                    group = min(candidates, key=lambda g: abs(len(g) - wanted))
                    self._hold_out(group, split)

    def fill_empty(self) -> None:
        for split in _HELD_OUT:
            if not self._held[split]:
                group = min(
                    self._free.values(), key=lambda group: (self._bereaves_train(group), len(group))
                )
                self._hold_out(group, split)

    def fill_shares(self) -> None:
        for proportionate in (True, False):
            for group in list(self._free.values()):
                for split in sorted(_HELD_OUT, key=self._fullness):
                    if self._fits(group, split) and (
                        not proportionate or self._in_proportion(group, split)
                    ):
                        self._hold_out(group, split)
                        break

    def _fullness(self, split: SplitName) -> float:
        return self._frames[split] / self._share[split]

    def _fits(self, group: Group, split: SplitName, excess: float = 0.0) -> bool:
        """Whether taking the group brings the split nearer to its share and robs nobody.

        It may also exceed the share by the fraction `excess`.
        """
        share, frames = self._share[split], self._frames[split]
        still_empty = sum(not held for other, held in self._held.items() if other != split)
        return (
            group.name in self._free
            and (len(group) < 2 * (share - frames) or frames + len(group) <= (1 + excess) * share)
            and sum(self._frames.values()) + len(group) <= self._most_held
            and len(self._free) > still_empty
            and not self._bereaves_train(group)
        )

    def _in_proportion(self, group: Group, split: SplitName) -> bool:
        """Whether taking the group brings the split nearer to its share of every stratum."""
        fraction, covered = self._fraction[split], self._covered[split]
        return all(
            len(group) < 2 * (fraction * self._stratum_frames[stratum] - covered[stratum])
            for stratum in group.strata
        )

    def _bereaves_train(self, group: Group) -> bool:
        """Whether train would lose its last group of a stratum."""
        return any(self._train_strata[stratum] == 1 for stratum in group.strata)

    def _hold_out(self, group: Group, split: SplitName) -> None:
        del self._free[group.name]
        self._held[split].append(group)
        self._frames[split] += len(group)
        self._train_strata.subtract(group.strata)
        self._covered[split].update(dict.fromkeys(group.strata, len(group)))


def _group(frames: Sequence[tuple[Relatives, Strata]], indices: list[int]) -> Group:
    structure_ids = tuple(sorted({frames[index][0].structure_id for index in indices}))
    strata = {frames[index][1] for index in indices}
    names = {f"system {stratum.system}" for stratum in strata}
    names |= {f"family {stratum.family}" for stratum in strata}
    return Group(structure_ids[0], structure_ids, frozenset(names), tuple(indices))


_Node = tuple[str, str]


class _UnionFind:
    """Disjoint sets with path halving and union by size."""

    def __init__(self) -> None:
        self._parent: dict[_Node, _Node] = {}
        self._size: dict[_Node, int] = {}

    def root(self, node: _Node) -> _Node:
        parent = self._parent.setdefault(node, node)
        while parent != node:
            grandparent = self._parent[parent]
            self._parent[node] = grandparent
            node, parent = grandparent, self._parent[grandparent]
        return node

    def join(self, first: _Node, second: _Node) -> None:
        a, b = self.root(first), self.root(second)
        if a == b:
            return
        if self._size.get(a, 1) < self._size.get(b, 1):
            a, b = b, a
        self._parent[b] = a
        self._size[a] = self._size.get(a, 1) + self._size.get(b, 1)
