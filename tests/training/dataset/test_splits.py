import time
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from training.dataset.splits import (
    SPLITS,
    Group,
    Relatives,
    Strata,
    group_frames,
    split_groups,
    uncovered,
)
from training.settings import SplitSettings

TENTHS = SplitSettings(val=0.1, test=0.1)


def frame(structure: str, parent="", trajectory=None, system="Cu", family="bulk"):
    return Relatives(structure, parent, trajectory or f"run of {structure}"), Strata(system, family)


def group(name: str, size: int, *strata: str) -> Group:
    """Return a group of families, each written as ``<system> <family>``."""
    return Group(name, (name,), frozenset(Strata(*each.split()) for each in strata), (0,) * size)


def strata_of(groups) -> frozenset[Strata]:
    return frozenset().union(*(group.strata for group in groups))


def element_families(groups) -> set[tuple[str, str]]:
    return {pair for stratum in strata_of(groups) for pair in stratum.element_families}


def sizes(splits) -> dict[str, int]:
    return {split: sum(map(len, groups)) for split, groups in splits.items()}


def test_structures_stay_with_parents_and_trajectories():
    frames = [
        frame("a"),
        frame("b"),
        frame("c", parent="a"),
        frame("d", trajectory="run of b"),
        frame("e", parent="absent"),
        frame("f", parent="absent"),
        frame("a"),
    ]
    groups = group_frames(frames)
    assert [group.structure_ids for group in groups] == [("a", "c"), ("b", "d"), ("e", "f")]
    assert [group.frames for group in groups] == [(0, 2, 6), (1, 3), (4, 5)]


def test_frames_that_are_not_in_the_dataset_relate_others():
    """c is made from b, which is all in quarantine, and b from a."""
    frames = [frame("a"), frame("c", parent="b")]
    assert len(group_frames(frames)) == 2
    assert len(group_frames(frames, known=[Relatives("b", "a", "run of b")])) == 1


def test_equal_names_of_structures_and_trajectories_are_no_relation():
    assert len(group_frames([frame("x", trajectory="y"), frame("y", trajectory="x")])) == 2


def test_strata_of_a_group():
    (only,) = group_frames([frame("a"), frame("b", "a", system="Cu-Li", family="adatom")])
    assert only.strata == {("Cu", "bulk"), ("Cu-Li", "adatom")}


ids = st.sampled_from("abcdefghijklmnop")
many_frames = st.lists(
    st.tuples(
        st.builds(Relatives, ids, st.just("") | ids, st.sampled_from("tuvwxyzTUVWXYZ123456")),
        st.builds(
            Strata, st.sampled_from(["Cu", "Li", "Cu-Li"]), st.sampled_from(["bulk", "slab"])
        ),
    ),
    max_size=60,
)
shares = st.builds(SplitSettings, val=st.floats(0.01, 0.49), test=st.floats(0.01, 0.49))


@settings(max_examples=100, deadline=None)
@given(many_frames, shares, st.integers(0, 100), st.randoms())
def test_no_id_is_in_two_splits_whatever_the_frames(frames, split_settings, seed, random):
    groups = group_frames(frames)
    assume(len(groups) >= 3)
    try:
        splits = split_groups(groups, split_settings, seed)
    except ValueError as error:
        assume("every element" not in str(error))
        raise

    indices = [i for split in SPLITS for group in splits[split] for i in group.frames]
    assert sorted(indices) == list(range(len(frames))), "every frame is in exactly one split"
    seen: dict[tuple[str, str], str] = {}
    for split in SPLITS:
        assert splits[split], "no split is empty"
        for group in splits[split]:
            for i in group.frames:
                structure, parent, trajectory = frames[i][0]
                for key in (("s", structure), ("s", parent), ("t", trajectory)):
                    assert key == ("s", "") or seen.setdefault(key, split) == split

    shuffled = list(range(len(frames)))
    random.shuffle(shuffled)
    again = split_groups(group_frames([frames[i] for i in shuffled]), split_settings, seed)
    assert {s: [g.name for g in again[s]] for s in SPLITS} == {
        s: [g.name for g in splits[s]] for s in SPLITS
    }
    assert sizes(again) == sizes(splits)
    assert split_groups(groups[::-1], split_settings, seed) == splits


layouts = st.lists(
    st.tuples(
        st.integers(1, 50),
        st.frozensets(
            st.builds(
                "{} {}".format,
                st.sampled_from(["Cu", "Li", "Cu-Li", "Li-O", "H"]),
                st.sampled_from(["bulk", "slab", "dimer"]),
            ),
            min_size=1,
            max_size=3,
        ),
    ),
    min_size=3,
    max_size=14,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(layouts, shares, st.integers(0, 5))
def test_train_keeps_every_element_and_every_family_of_it_that_it_can(drawn, fractions, seed):
    """Compared with all ways to hold out two groups, the least that can be held out."""
    groups = [group(f"g{i:02}", size, *strata) for i, (size, strata) in enumerate(drawn)]
    everything = element_families(groups)
    elements = {element for element, _ in everything}

    def kept(*held_out: Group) -> set[tuple[str, str]]:
        return element_families(each for each in groups if each not in held_out)

    remaining = [kept(*pair) for pair in combinations(groups, 2)]
    if not any({element for element, _ in train} == elements for train in remaining):
        with pytest.raises(ValueError, match="every element is trained on"):
            split_groups(groups, fractions, seed)
        return
    splits = split_groups(groups, fractions, seed)
    train = element_families(splits["train"])
    assert {element for element, _ in train} == elements
    if any(each == everything for each in remaining):
        assert train == everything
    lost = sorted(everything - train)
    unseen = sorted(train - element_families([*splits["val"], *splits["test"]]))
    assert uncovered(splits) == {"train": lost, "held out": unseen}
    counts, total = sizes(splits), sum(map(len, groups))
    if all(len(splits[split]) > 1 for split in ("val", "test")):
        least = min(0.5, 1 - fractions.val - fractions.test)
        assert counts["train"] >= least * total - 1e-6


def test_many_groups_meet_the_shares_and_cover_everything():
    rng = np.random.default_rng(0)
    systems = ["Cu", "Li", "Cu-Li"]
    families = ["bulk", "slab", "vacancy", "adatom", "interface"]
    groups = [
        group(
            f"{i:04}",
            int(rng.integers(1, 40)),
            f"{systems[rng.choice(3, p=[0.6, 0.3, 0.1])]} "
            f"{families[rng.choice(5, p=[0.3, 0.3, 0.15, 0.15, 0.1])]}",
        )
        for i in range(600)
    ]
    total = sum(map(len, groups))
    n_groups = Counter(stratum for each in groups for stratum in each.strata)
    common = {stratum for stratum, n in n_groups.items() if n > 2}
    assert len(common) > 10
    for seed in range(5):
        splits = split_groups(groups, SplitSettings(val=0.1, test=0.2), seed)
        counts = sizes(splits)
        assert counts["val"] / total == pytest.approx(0.1, abs=0.002)
        assert counts["test"] / total == pytest.approx(0.2, abs=0.002)
        for split in SPLITS:
            assert strata_of(splits[split]) >= common
        for system in systems[:2]:  # representative: common strata have their proportion

            def share(groups, system=system):
                of_system = [g for g in groups if any(s.system == system for s in g.strata)]
                return sum(map(len, of_system)) / sum(map(len, groups))

            expected = share(groups)
            for split in SPLITS:
                found = share(splits[split])
                assert found == pytest.approx(expected, abs=0.12)


def small_campaign() -> list[Group]:
    """Groups as of the quickstart: strained and rattled crystals are one group each."""
    groups = [group("bulk-Cu", 9, "Cu bulk"), group("bulk-Li", 11, "Li bulk")]
    groups += [group(f"slab-Cu-{i}", 14 + i, "Cu slab") for i in range(3)]
    groups += [
        group("slab-Cu-3", 40, "Cu slab", "Cu vacancy", "Cu adatom", "Cu-Li adatom"),
        group("slab-Cu-4", 51, "Cu slab", "Cu adatom", "Cu-Li adatom"),
    ]
    groups += [group(f"slab-Li-{i}", 16 + 5 * i, "Li slab") for i in range(3)]
    groups += [
        group("slab-Li-3", 35, "Li slab", "Li vacancy", "Li adatom", "Cu-Li adatom"),
        group("slab-Li-4", 44, "Li slab", "Li adatom", "Cu-Li adatom"),
    ]
    return [*groups, group("interface", 150, "Cu-Li interface")]


def test_few_groups_are_split_sensibly():
    """The only bulk lithium is trained on, whatever the seed."""
    groups = small_campaign()
    total = sum(map(len, groups))
    for seed in range(50):
        splits = split_groups(groups, TENTHS, seed)
        assert strata_of(splits["train"]) == strata_of(groups)
        assert "interface" in [group.name for group in splits["train"]]
        counts = sizes(splits)
        assert counts["train"] > 0.7 * total
        for split in ("val", "test"):
            assert 0.03 * total < counts[split] < 0.2 * total
        held_out = strata_of([*splits["val"], *splits["test"]])
        assert {("Cu", "slab"), ("Li", "slab")} <= held_out
        assert ("Li", "bulk") in uncovered(splits)["held out"]


def test_the_only_dimers_of_each_pair_are_trained_on():
    """Though train would have dimers of each without them, and a share would be met with them."""
    groups = [group("bulk-Cu", 168, "Cu bulk"), group("bulk-Li", 68, "Li bulk")]
    groups += [group(f"interface-{i}", 40, "Cu-Li interface") for i in range(5)]
    groups += [group(f"dimer-{pair}", 6, f"{pair} dimer") for pair in ("Cu", "Li", "Cu-Li")]
    for seed in range(20):
        splits = split_groups(groups, TENTHS, seed)
        assert strata_of(splits["train"]) == strata_of(groups)
        assert sizes(splits)["val"] == sizes(splits)["test"] == 40


def test_a_thousand_systems_of_one_group_each_still_meet_the_shares():
    """As where each compound is its own chemical system: every element is in many of them."""
    elements = ["Al", "Cu", "Fe", "Li", "Ni", "O", "S", "Ti", "V", "Zn", "Zr"]
    systems = ["-".join(each) for n in (3, 4, 5) for each in combinations(elements, n)]
    groups = [group(f"{i:04}", 1 + i % 3, f"{each} bulk") for i, each in enumerate(systems)]
    assert len(groups) > 900
    started = time.process_time()
    splits = split_groups(groups, TENTHS, 0)
    assert time.process_time() - started < 3
    total = sum(map(len, groups))
    for split in ("val", "test"):
        assert sizes(splits)[split] / total == pytest.approx(0.1, abs=0.005)


def test_large_groups_do_not_take_the_majority_from_train():
    """b or c alone is nearer to a fifth of 104 than nothing, but both leave train too little."""
    groups = [group("a", 36, "Cu x"), group("b", 32, "Cu x"), group("c", 32, "Cu x")]
    groups += [group(f"d{i}", 1, "Cu x") for i in range(4)]
    for seed in range(5):
        counts = sizes(split_groups(groups, SplitSettings(val=0.2, test=0.2), seed))
        assert counts["train"] >= sum(counts.values()) / 2


def test_seed_decides():
    outcomes = {
        seed: tuple(group.name for group in split_groups(small_campaign(), TENTHS, seed)["test"])
        for seed in range(10)
    }
    assert len(set(outcomes.values())) > 1
    assert outcomes[3] == tuple(g.name for g in split_groups(small_campaign(), TENTHS, 3)["test"])


@pytest.mark.parametrize("largest", [1, 1000])
def test_three_groups_give_one_to_each(largest):
    groups = [group("a", 1, "Cu x"), group("b", largest, "Cu y"), group("c", 1, "Cu z")]
    splits = split_groups(groups, TENTHS, 0)
    assert [len(splits[split]) for split in SPLITS] == [1, 1, 1]
    if largest > 1:
        assert splits["train"][0].name == "b"


def test_an_element_that_train_would_lack_is_refused():
    groups = [group("a", 5, "Cu bulk"), group("b", 3, "Cu bulk"), group("c", 3, "Li bulk")]
    with pytest.raises(ValueError, match=r"only one group each has Li\): label at least 3"):
        split_groups(groups, TENTHS, 0)
    for seed in range(10):
        splits = split_groups([*groups, group("d", 3, "Cu bulk")], TENTHS, seed)
        assert element_families(splits["train"]) == {("Cu", "bulk"), ("Li", "bulk")}


@pytest.mark.parametrize("n_groups", [0, 1, 2])
def test_fewer_than_three_groups_are_refused(n_groups):
    groups = [group(f"slab-{i}", 10, "Cu slab") for i in range(n_groups)]
    with pytest.raises(
        ValueError, match=r"cannot be split .* label at least 3 structures"
    ) as error:
        split_groups(groups, TENTHS, 0)
    assert all(group.name in str(error.value) for group in groups)


def test_long_chains_of_parents_are_followed():
    chain = [frame(f"s{i}", parent=f"s{i - 1}" if i else "") for i in range(20_000)]
    (only,) = group_frames(chain)
    assert len(only) == 20_000
