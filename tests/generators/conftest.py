"""Crystals that the tests of this room share."""

from __future__ import annotations

import pytest

from generators.crystals import Crystal, prototype_structure, standard_crystal
from generators.settings import CrystalSettings


def _crystal(name: str, **settings) -> Crystal:
    return standard_crystal(name, prototype_structure(name, CrystalSettings(**settings)))


@pytest.fixture(scope="session")
def cu() -> Crystal:
    return _crystal("Cu", prototype="fcc", a=3.575)


@pytest.fixture(scope="session")
def li() -> Crystal:
    return _crystal("Li", prototype="bcc", a=3.456)


@pytest.fixture(scope="session")
def mg() -> Crystal:
    return _crystal("Mg", prototype="hcp", a=3.20, c=5.16)


@pytest.fixture(scope="session")
def diamond() -> Crystal:
    return _crystal("C", prototype="diamond", a=3.567)


@pytest.fixture(scope="session")
def lif() -> Crystal:
    return _crystal("LiF", prototype="rocksalt", a=4.02)


@pytest.fixture(scope="session")
def zns() -> Crystal:
    return _crystal("ZnS", prototype="zincblende", a=5.41)


@pytest.fixture(scope="session")
def cu2o() -> Crystal:
    return _crystal("Cu2O", prototype="cuprite", a=4.27)


@pytest.fixture(scope="session")
def crystals(cu, li, mg, diamond, lif, zns, cu2o) -> dict[str, Crystal]:
    return {crystal.name: crystal for crystal in (cu, li, mg, diamond, lif, zns, cu2o)}
