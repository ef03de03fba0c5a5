"""The registry of families: their order, their kinds, and two families of one kind."""

import pytest

from cuprolith.registry import RegistryError
from cuprolith.settings import Settings
from generators import family
from generators.family import Family, Kind, kind_of, kinds, ordered_families

IN_ORDER = {
    "bulk": ["bulk"],
    "slabs": ["slab"],
    "vacancies": ["vacancy", "vacancy_2x2"],
    "adatoms": ["adatom"],
    "interfaces": ["interface"],
    "amorphous": ["amorphous"],
    "rattled": [],
    "molecules": ["molecule"],
    "isolated_atoms": ["isolated_atom"],
    "dimers": ["dimer"],
}


def test_families_and_kinds_keep_their_order():
    assert {one.name: [kind.name for kind in one.kinds] for one in ordered_families()} == IN_ORDER
    assert [one.name for one in ordered_families()] == list(IN_ORDER)
    assert list(kinds()) == [name for names in IN_ORDER.values() for name in names]


def test_kinds_are_told_apart():
    assert all(kind.caption for kind in kinds().values())
    assert len({kind.colour for kind in kinds().values()}) == len(kinds())


def test_frames_of_unknown_families_have_no_traits():
    assert kind_of("unknown") == Kind("unknown")
    assert kind_of("adatom").adatom


def test_two_families_of_one_kind_are_refused(monkeypatch):
    def made_by(name):
        return Family(name, Settings, build=lambda *_: (), kinds=(Kind("ring"),))

    monkeypatch.setattr(family, "ordered_families", lambda: (made_by("rings"), made_by("hoops")))
    with pytest.raises(RegistryError, match="'ring' are made by two families, one of them 'hoops'"):
        kinds.__wrapped__()
