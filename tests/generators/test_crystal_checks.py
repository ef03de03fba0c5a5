from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from generators.crystal_checks import check_crystal, closest_pair
from generators.crystals import standard_crystal
from generators.errors import GenerationError


@pytest.mark.parametrize(
    ("species", "lattice"),
    [
        # The shortest bonds there are for their radii: N≡N, C≡O, and Cr≡Cr in its dimer.
        (["N", "N"], (3.5, 1.10)),
        (["C", "O"], (3.5, 1.13)),
        (["Cr", "Cr"], (4.0, 1.68)),
        (["H", "H"], (2.5, 0.74)),
    ],
)
def test_short_bonds_are_no_overlaps(species, lattice):
    edge, bond = lattice
    structure = Structure(Lattice.cubic(edge), species, [[0, 0, 0], [0, 0, bond / edge]])
    assert closest_pair(structure) is None
    check_crystal("short", structure)


def test_the_pair_that_is_too_close_is_found_across_the_border():
    structure = Structure(Lattice.cubic(5), ["Cu", "O", "Cu"],
                          [[0.5, 0.5, 0.5], [0.02, 0, 0], [0.9, 0, 0]])  # fmt: skip
    first, second, distance = closest_pair(structure)
    assert {first, second} == {1, 2}
    assert distance == pytest.approx(0.6)


def test_every_way_into_the_generators_is_checked():
    twice = Structure(Lattice.cubic(3.6), ["Cu", "Cu"], [[0, 0, 0], [0.1, 0, 0]])
    with pytest.raises(GenerationError, match=r"0\.36 Å apart") as error:
        standard_crystal("Cu", twice)
    assert error.value.key == "crystals.Cu"


def test_numbers_must_be_finite():
    broken = Structure(Lattice.cubic(3.6), ["Cu"], [[np.nan, 0, 0]])
    with pytest.raises(GenerationError, match="finite"):
        check_crystal("Cu", broken)


def test_huge_cells_are_refused_at_once():
    copper = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])
    with pytest.raises(GenerationError, match="1372 atoms") as error:
        check_crystal("Cu", copper * 7)
    assert "unit cell" in error.value.remedy
