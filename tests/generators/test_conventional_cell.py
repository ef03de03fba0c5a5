"""Miller indices refer to the axes of the cell that is given."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from scipy.spatial.transform import Rotation

from generators.crystals import standard_crystal
from tests.candidates import cut_slab

LIFEPO4 = Structure.from_spacegroup(
    "Pnma", Lattice.orthorhombic(10.33, 6.01, 4.69), ["Li", "Fe", "P", "O", "O", "O"],
    [[0, 0, 0], [0.282, 0.25, 0.975], [0.095, 0.25, 0.418], [0.097, 0.25, 0.743],
     [0.457, 0.25, 0.206], [0.166, 0.046, 0.285]],
)  # fmt: skip
GIVEN = {
    "LiFePO4": LIFEPO4,
    "pyrite": Structure.from_spacegroup(
        "Pa-3", Lattice.cubic(5.42), ["Fe", "S"], [[0, 0, 0], [0.385, 0.385, 0.385]]
    ),
    "zincblende": Structure.from_spacegroup(
        "F-43m", Lattice.cubic(5.41), ["Zn", "S"], [[0, 0, 0], [0.25, 0.25, 0.25]]
    ),
    "corundum": Structure.from_spacegroup(
        "R-3c", Lattice.hexagonal(4.76, 12.99), ["Al", "O"], [[0, 0, 0.352], [0.306, 0, 0.25]]
    ),
    "quartz": Structure.from_spacegroup(
        "P3_221", Lattice.hexagonal(4.91, 5.4), ["Si", "O"],
        [[0.47, 0, 2 / 3], [0.413, 0.267, 0.786]],
    ),
    "rutile": Structure.from_spacegroup(
        "P4_2/mnm", Lattice.tetragonal(4.59, 2.96), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]
    ),
    "uranium": Structure.from_spacegroup(
        "Cmcm", Lattice.orthorhombic(2.85, 5.87, 4.96), ["U"], [[0, 0.1, 0.25]]
    ),
    "C2/m": Structure.from_spacegroup(
        "C2/m", Lattice.monoclinic(9, 3.1, 6, 105), ["Li", "O"], [[0.1, 0, 0.3], [0.35, 0, 0.8]]
    ),
    "triclinic": Structure(
        Lattice.from_parameters(3.5, 4.2, 5.1, 80, 95, 107), ["Cu", "Li", "O"],
        [[0, 0, 0], [0.3, 0.4, 0.55], [0.7, 0.5, 0.45]],
    ),
}  # fmt: skip
# New axes as rows, in the old ones: orders of the axes, cyclic or with one reversed.
SETTINGS = [
    np.eye(3, dtype=int)[list(order)] * (1 if sign > 0 else -1)
    for order in permutations(range(3))
    for sign in [round(np.linalg.det(np.eye(3)[list(order)]))]
]
# (100) + (001) for (100): a P cell of a monoclinic crystal in another choice (P2₁/c, P2₁/n), or
# an I-centred one for C2/m.
SLANTED = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]])


def in_axes(structure: Structure, axes: np.ndarray) -> Structure:
    """Return the same crystal in other axes of the same volume, shifted."""
    fractions = structure.frac_coords @ np.linalg.inv(axes) + [0.1, 0.2, 0.3]
    return Structure(axes @ structure.lattice.matrix, structure.species, fractions)


def plane_pattern(symbols, phases) -> list[tuple[str, float]]:
    """Elements of the atomic planes and their heights, from one plane of the rarest element."""
    return sorted({(symbol, round(phase % 1 + 1e-9, 3) % 1) for symbol, phase in zip(
        symbols, phases, strict=True)})  # fmt: skip


def is_pile(structure: Structure, hkl: tuple[int, int, int], slab) -> bool:
    """Whether a slab's planes follow each other as the planes (hkl) of the structure do.

    The phase h·x + k·y + l·z of an atom is its height in units of 1/|g|.
    """
    symbols = [site.specie.symbol for site in structure]
    expected = structure.frac_coords @ np.array(hkl)
    spacing = structure.lattice.d_hkl(hkl)
    found = slab.heights / spacing
    of_slab = [site.specie.symbol for site in slab.structure]
    rarest = min(set(symbols), key=symbols.count)
    wanted = plane_pattern(of_slab, found - found[of_slab.index(rarest)])
    starts = [phase for symbol, phase in zip(symbols, expected, strict=True) if symbol == rarest]
    return any(
        len(pattern := plane_pattern(symbols, expected - start)) == len(wanted)
        and all(
            one[0] == other[0] and abs(one[1] - other[1]) < 2e-3
            for one, other in zip(pattern, wanted, strict=True)
        )
        for start in starts
    )


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(GIVEN)),
    setting=st.sampled_from(SETTINGS),
    slanted=st.booleans(),
    hkl=st.sampled_from([(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 2, 0), (2, 1, 0), (0, 1, 2),
                         (1, 0, 2), (1, 1, 1), (-1, 1, 1), (1, -1, 2)]),
    turn=st.integers(0, 100),
)  # fmt: skip
def test_indices_are_of_the_axes_given(name, setting, slanted, hkl, turn):
    axes = setting @ SLANTED if slanted and name in ("C2/m", "triclinic") else setting
    structure = in_axes(GIVEN[name], axes)
    rotation = Rotation.random(random_state=turn).as_matrix()
    turned = Structure(structure.lattice.matrix @ rotation, structure.species,
                       structure.frac_coords)  # fmt: skip
    crystal = standard_crystal(name, turned)
    assert crystal.choice == "given"
    slab = cut_slab(crystal, hkl, min_thickness=structure.lattice.d_hkl(hkl) + 6, vacuum=8)
    assert is_pile(structure, hkl, slab)
    lattice_points = len(structure) / len(crystal.primitive)
    smallest = structure.volume / structure.lattice.d_hkl(hkl) / lattice_points
    multiple = slab.area / smallest
    assert multiple == pytest.approx(round(multiple), abs=1e-6)
    assert 1 <= round(multiple) <= lattice_points


def test_the_check_of_piles_tells_faces_apart():
    pyrite = GIVEN["pyrite"]
    slab = cut_slab(standard_crystal("FeS2", pyrite), (2, 1, 0), min_thickness=9, vacuum=8)
    assert is_pile(pyrite, (2, 1, 0), slab)
    assert not is_pile(pyrite, (1, 2, 0), slab)


def test_faces_of_lifepo4():
    crystal = standard_crystal("LiFePO4", LIFEPO4)
    a, b, c = 10.33, 6.01, 4.69
    for hkl, area in (((1, 0, 0), b * c), ((0, 1, 0), a * c), ((0, 0, 1), a * b)):
        assert cut_slab(crystal, hkl, min_thickness=8, vacuum=8).area == pytest.approx(area)


@pytest.mark.parametrize(
    ("group", "lattice", "abc"),
    [
        ("Fm-3m", Lattice.cubic(3.6), (3.6, 3.6, 3.6)),
        ("Im-3m", Lattice.cubic(3.4), (3.4, 3.4, 3.4)),
        ("I4/mmm", Lattice.tetragonal(3.9, 9.5), (3.9, 3.9, 9.5)),
        ("R-3m", Lattice.hexagonal(2.9, 14.2), (2.9, 2.9, 14.2)),
        ("Immm", Lattice.orthorhombic(3.1, 4.2, 5.3), (3.1, 4.2, 5.3)),
    ],
)
def test_primitive_cells_mean_the_standard_conventional_cell(group, lattice, abc):
    conventional = Structure.from_spacegroup(group, lattice, ["Cu"], [[0, 0, 0]])
    crystal = standard_crystal("Cu", conventional.get_primitive_structure())
    assert crystal.choice == "standard"
    assert len(crystal.primitive) == 1
    assert crystal.conventional.lattice.abc == pytest.approx(abc)
    angles = (90, 90, 120) if group == "R-3m" else (90, 90, 90)
    assert crystal.conventional.lattice.angles == pytest.approx(angles)


def test_repeats_along_the_axes_are_divided_out():
    crystal = standard_crystal("LiFePO4", LIFEPO4 * (1, 2, 3))
    assert crystal.choice == "divided"
    assert crystal.conventional.lattice.abc == pytest.approx((10.33, 6.01, 4.69))


def test_hexagonal_axes_at_60_degrees_become_120():
    magnesium = Structure.from_spacegroup(
        "P6_3/mmc", Lattice.hexagonal(3.2, 5.2), ["Mg"], [[1 / 3, 2 / 3, 1 / 4]]
    )
    crystal = standard_crystal(
        "Mg", in_axes(magnesium, np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]]))
    )
    assert crystal.choice == "standard"
    assert crystal.conventional.lattice.angles == pytest.approx((90, 90, 120))


def test_left_handed_cells_keep_their_planes():
    left = in_axes(GIVEN["quartz"], np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]]))
    assert np.linalg.det(left.lattice.matrix) < 0
    crystal = standard_crystal("SiO2", left)
    assert crystal.choice == "given"
    assert np.linalg.det(crystal.conventional.lattice.matrix) > 0
    for hkl in ((1, 0, 1), (1, 2, 0), (2, 1, 1)):
        slab = cut_slab(crystal, hkl, min_thickness=9, vacuum=8)
        # Seen from the other side.
        assert is_pile(left, tuple(-number for number in hkl), slab)
