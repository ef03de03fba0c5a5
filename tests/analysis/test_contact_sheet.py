"""Which structures are drawn, and that only those are read."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from analysis.report.contact_sheet import evenly_chosen, read_structures, shown_entries
from analysis.report.structure_names import structure_title


@given(st.integers(0, 500), st.integers(2, 12))
def test_a_choice_is_spread_from_first_to_last(n_items, most):
    chosen = evenly_chosen(range(n_items), most)
    assert len(chosen) == min(n_items, most)
    assert chosen == sorted(set(chosen))
    if n_items:
        assert (chosen[0], chosen[-1]) == (0, n_items - 1)
        gaps = [b - a for a, b in pairwise(chosen)]
        assert not gaps or max(gaps) - min(gaps) <= 1


def planes_of(n_planes, each, family="adatom"):
    """Entries of so many planes, `each` structures of each, that differ in their sites."""
    return [
        {
            "family": family,
            "structure_id": f"{family}-{plane}-{site}",
            "miller_index": f"1 0 {plane}",
            "parameters": {"crystal": "Cu", "species": "Li", "site": f"site {site}"},
        }
        for plane in range(n_planes)
        for site in range(each)
    ]


def test_of_many_planes_one_structure_each_is_drawn_and_sites_vary():
    shown = shown_entries(planes_of(26, 20))
    assert len({structure_title(entry) for entry in shown}) == len(shown) == 26
    assert len({entry["parameters"]["site"] for entry in shown}) == 20
    assert shown == shown_entries(planes_of(26, 20))


def test_of_too_many_planes_some_are_drawn_and_of_few_planes_several_structures():
    shown = shown_entries(planes_of(40, 3))
    assert len({structure_title(entry) for entry in shown}) == len(shown) == 26
    few = shown_entries(planes_of(2, 30))
    assert len({entry["structure_id"] for entry in few}) == 5
    assert len({structure_title(entry) for entry in few}) == 2
    assert shown_entries([]) == []


def test_only_wanted_structures_are_read(small_campaign):
    path = small_campaign.root / "structures/structures.extxyz"
    wanted = [entry["structure_id"] for entry in small_campaign.structures[1::3]]
    found = read_structures(path, wanted)
    assert sorted(found) == sorted(wanted)
    for entry in small_campaign.structures:
        if entry["structure_id"] in found:
            atoms = found[entry["structure_id"]]
            assert len(atoms) == entry["n_atoms"]
            assert len(atoms) - sum(len(c.index) for c in atoms.constraints) == entry["n_free"]
    assert read_structures(path, ["no such structure"]) == {}
