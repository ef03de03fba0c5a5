"""Cut a dataset into train, val and test between trajectories and parents, never through them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice
from typing import Literal, NamedTuple, get_args

from training.settings import SplitSettings

SplitName = Literal["train", "val", "test"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)
_HELD_OUT: tuple[SplitName, ...] = ("test", "val")
# Covering one more family of a chemical system is worth this much more than the share asked for.
_EXCESS_FOR_COVER = 0.25
# Where train must lose something, so many pairs of groups are compared for the least loss.
_COMPARED_PAIRS = 10_000
_REMEDY = (
    "label at least 3 structures that are not made from one another (another slab or crystal, say; "
    "strained and rattled copies of a crystal are made from it)"
)


class Relatives(NamedTuple):
    """Ids that tie a frame to others: frames that share one belong in the same split."""

    structure_id: str
    parent_id: str
    trajectory_id: str


class Strata(NamedTuple):
    """Chemical system (``Cu-Li``) and family of a frame: what each split should have some of."""

    system: str
    family: str

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements of the system."""
        return tuple(self.system.split("-"))

    @property
    def element_families(self) -> tuple[tuple[str, str], ...]:
        """Each element with the family: what train must have some of."""
        return tuple((element, self.family) for element in self.elements)

    @property
    def pair_families(self) -> tuple[tuple[str, str, str], ...]:
        """Each two elements, or the only one, with the family: what train should have some of."""
        alone = self.elements * 2 if len(self.elements) == 1 else self.elements
        return tuple((one, two, self.family) for one, two in combinations(alone, 2))


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
        Chemical systems with families in the group, such as ``("Cu-Li", "slab")``.
    frames
        Indices of its frames.
    """

    name: str
    structure_ids: tuple[str, ...]
    strata: frozenset[Strata]
    frames: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.frames)


def group_frames(
    frames: Sequence[tuple[Relatives, Strata]],
    known: Iterable[Relatives] = (),
    near_copies: Iterable[tuple[str, str]] = (),
) -> list[Group]:
    """Return the groups of frames that are related, directly or through others, sorted by name.

    Parameters
    ----------
    frames
        Ids and strata of each frame.
    known
        Ids of frames that are not in the dataset (because they are quarantined) and relate others.
    near_copies
        Ids of two structures that have nearly identical frames.
    """
    from scipy.cluster.hierarchy import DisjointSet

    related = DisjointSet()

    def relate(*ids: tuple[str, str]) -> None:
        for each in ids:
            related.add(each)
            related.merge(ids[0], each)

    for relatives in {*known, *(relatives for relatives, _ in frames)}:
        structure = ("structure", relatives.structure_id)
        relate(structure, ("trajectory", relatives.trajectory_id))
        if relatives.parent_id:
            relate(structure, ("structure", relatives.parent_id))
    for first, second in near_copies:
        relate(("structure", first), ("structure", second))
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, (relatives, _) in enumerate(frames):
        members[related["structure", relatives.structure_id]].append(index)
    groups = [_group(frames, indices) for indices in members.values()]
    return sorted(groups, key=lambda group: group.name)


def split_groups(
    groups: Sequence[Group], settings: SplitSettings, seed: int
) -> dict[SplitName, list[Group]]:
    """Assign groups to splits.

    Train keeps the largest group, every element, and every family that it can of every element
    (lithium slabs, say), of every element alone, and of every two elements together (dimers of
    copper and lithium): where only one group has it, that group is trained on. The exception are
    groups so few, or so tied, that val or test would be empty otherwise; what train lacks then is
    as little as possible, and never an element. `uncovered` says what it is.

    Then, from the rarest family of a chemical system to the commonest, test and val each take a
    group that covers it, if train keeps another one and the share of frames (or a quarter more)
    permits. Then they are filled up to their shares with groups in random order, at first with
    those that bring every family nearer to its share. A share may be missed by half a group, more
    where groups are few and large. Train keeps at least half of all frames (or its own share, if
    that is less), unless val or test would be empty otherwise.

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
        If there are fewer than 3 groups, or so few that train would lack an element.
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


def uncovered(splits: Mapping[SplitName, Sequence[Group]]) -> dict[str, list[tuple[str, str]]]:
    """Return the families of elements that a split lacks although another split has them.

    Parameters
    ----------
    splits
        From :func:`split_groups`.

    Returns
    -------
    ``train``: pairs of element and family that train lacks. ``held out``: pairs that neither val
    nor test has.
    """
    have = {
        split: {pair for group in groups for pair in _element_families(group)}
        for split, groups in splits.items()
    }
    held_out = have["val"] | have["test"]
    return {
        "train": sorted(held_out - have["train"]),
        "held out": sorted(have["train"] - held_out),
    }


class _Loss(NamedTuple):
    """How many of each train would have no group of any more; the first count most."""

    elements: int
    element_families: int
    pair_families: int
    system_families: int

    @property
    def forbidden(self) -> bool:
        """Whether train may only lose this if there is no other way."""
        return self.elements + self.element_families + self.pair_families > 0


class _Draw:
    """State of one split: what is held out so far, and what train is left with."""

    def __init__(self, groups: Sequence[Group], settings: SplitSettings, seed: int) -> None:
        def rank(name: str) -> bytes:
            return hashlib.sha256(f"{seed} {name}".encode()).digest()

        ranked = sorted(groups, key=lambda group: rank(group.name))
        self._largest = max(ranked, key=len)
        self._kinds = {group.name: _kinds(group) for group in ranked}
        self._train = {group.name: group for group in ranked}
        self._held: dict[SplitName, list[Group]] = {split: [] for split in _HELD_OUT}
        self._frames = dict.fromkeys(_HELD_OUT, 0)
        total = sum(map(len, groups))
        self._fraction = {"val": settings.val, "test": settings.test}
        self._share = {split: fraction * total for split, fraction in self._fraction.items()}
        self._most_held = max(0.5, settings.val + settings.test) * total
        # Frames of each stratum, in all and held out; groups of each kind in train.
        self._stratum_frames: Counter[Strata] = Counter()
        for group in groups:
            self._stratum_frames.update(dict.fromkeys(group.strata, len(group)))
        self._covered: dict[SplitName, Counter[Strata]] = {split: Counter() for split in _HELD_OUT}
        self._train_has = tuple(
            Counter(chain.from_iterable(kinds[level] for kinds in self._kinds.values()))
            for level in range(len(_Loss._fields))
        )
        self._by_stratum: dict[Strata, list[Group]] = defaultdict(list)
        for group in ranked:
            for stratum in group.strata:
                self._by_stratum[stratum].append(group)
        self._strata_order = sorted(
            self._by_stratum, key=lambda s: (len(self._by_stratum[s]), rank("\0".join(s)))
        )

    def chosen(self) -> dict[SplitName, list[Group]]:
        return {"train": list(self._train.values()), **self._held}

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
                    and not any(self._loss(group))
                    and self._leaves_one_for_each(group, split)
                ]
                if candidates:
                    # min() keeps the first of equals: candidates are in random order.
                    group = min(candidates, key=lambda g: abs(len(g) - wanted))
                    self._hold_out(group, split)

    def fill_empty(self) -> None:
        empty = [split for split in _HELD_OUT if not self._held[split]]
        if len(empty) == len(_HELD_OUT):
            for split, group in zip(empty, self._least_loss(), strict=True):
                self._hold_out(group, split)
        elif empty:
            free = [group for group in self._train.values() if self._is_free(group)]
            self._hold_out(min(free, key=lambda group: (self._loss(group), len(group))), empty[0])

    def fill_shares(self) -> None:
        """Fill in proportion; then with any group that fits; then with a system's only group."""
        for proportionate, every_system in ((True, True), (False, True), (False, False)):
            for group in list(self._train.values()):
                loss = self._loss(group)
                if loss.forbidden or (every_system and loss.system_families):
                    continue
                for split in sorted(_HELD_OUT, key=self._fullness):
                    if self._fits(group, split) and (
                        not proportionate or self._in_proportion(group, split)
                    ):
                        self._hold_out(group, split)
                        break

    def _fullness(self, split: SplitName) -> float:
        return self._frames[split] / self._share[split]

    def _is_free(self, group: Group) -> bool:
        return group.name in self._train and group is not self._largest

    def _fits(self, group: Group, split: SplitName, excess: float = 0.0) -> bool:
        """Whether taking the group brings the split nearer to its share.

        It may also exceed the share by the fraction `excess`.
        """
        share, frames = self._share[split], self._frames[split]
        return (
            self._is_free(group)
            and (len(group) < 2 * (share - frames) or frames + len(group) <= (1 + excess) * share)
            and sum(self._frames.values()) + len(group) <= self._most_held
        )

    def _in_proportion(self, group: Group, split: SplitName) -> bool:
        """Whether taking the group brings the split nearer to its share of every stratum."""
        fraction, covered = self._fraction[split], self._covered[split]
        return all(
            len(group) < 2 * (fraction * self._stratum_frames[stratum] - covered[stratum])
            for stratum in group.strata
        )

    def _loss(self, *groups: Group) -> _Loss:
        """Count what train loses when these groups are held out together."""
        return _Loss(
            *(
                sum(has[kind] == n for kind, n in self._counted(level, groups).items())
                for level, has in enumerate(self._train_has)
            )
        )

    def _counted(self, level: int, groups: Sequence[Group]) -> Counter[object]:
        return Counter(chain.from_iterable(self._kinds[group.name][level] for group in groups))

    def _leaves_one_for_each(self, group: Group, split: SplitName) -> bool:
        """Whether the other split, if still empty, can then get a group that train can spare."""
        if all(held for other, held in self._held.items() if other != split):
            return True
        return any(
            self._is_free(other) and other is not group and not self._loss(group, other).forbidden
            for other in self._train.values()
        )

    def _least_loss(self) -> tuple[Group, Group]:
        """Two groups to hold out of which train loses as little as can be, and small ones."""
        ranked = sorted(
            self._train.values(),
            key=lambda group: (self._loss(group), len(group)),
        )
        small = [group for group in ranked if group is not self._largest]
        for harmless, groups in ((True, small), (True, ranked), (False, small), (False, ranked)):
            pairs = list(islice(self._pairs(groups, harmless=harmless), _COMPARED_PAIRS))
            if pairs:
                return min(pairs, key=lambda pair: self._loss(*pair))
        raise ValueError(self._no_element_left())

    def _pairs(self, groups: Sequence[Group], *, harmless: bool) -> Iterator[tuple[Group, Group]]:
        """Pairs that leave train every element or, if harmless, every family of it."""
        n_levels = 2 if harmless else 1
        able = [group for group in groups if not any(self._loss(group)[:n_levels])]
        for pair in combinations(able, 2):
            loss = self._loss(*pair)
            if not any(loss[:n_levels]):
                yield pair
                if not any(loss):
                    return

    def _no_element_left(self) -> str:
        elements = ", ".join(sorted(str(each) for each, n in self._train_has[0].items() if n == 1))
        return (
            f"{len(self._train)} unrelated groups of frames cannot be split into train, val and "
            "test so that every element is trained on and none is empty"
            + (f" (only one group each has {elements})" if elements else "")
            + f": {_REMEDY}"
        )

    def _hold_out(self, group: Group, split: SplitName) -> None:
        del self._train[group.name]
        self._held[split].append(group)
        self._frames[split] += len(group)
        for level, has in enumerate(self._train_has):
            has.subtract(self._kinds[group.name][level])
        self._covered[split].update(dict.fromkeys(group.strata, len(group)))


def _kinds(group: Group) -> tuple[frozenset[object], ...]:
    """Elements, and families of elements, of pairs and of systems, in a group; as in `_Loss`."""
    elements = frozenset(element for stratum in group.strata for element in stratum.elements)
    pairs = frozenset(pair for stratum in group.strata for pair in stratum.pair_families)
    return elements, _element_families(group), pairs, group.strata


def _element_families(group: Group) -> frozenset[tuple[str, str]]:
    return frozenset(pair for stratum in group.strata for pair in stratum.element_families)


def _group(frames: Sequence[tuple[Relatives, Strata]], indices: list[int]) -> Group:
    structure_ids = tuple(sorted({frames[index][0].structure_id for index in indices}))
    strata = frozenset(frames[index][1] for index in indices)
    return Group(structure_ids[0], structure_ids, strata, tuple(indices))
