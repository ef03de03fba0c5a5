from __future__ import annotations

from itertools import combinations
from math import gcd

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure
from pymatgen.core.surface import SlabGenerator
from scipy.spatial import cKDTree

from generators.crystals import Crystal, prototype_structure, standard_crystal
from generators.settings import CrystalSettings
from generators.slab import Slab, slab_terminations
from tests.candidates import cut_slab

COPRIME = st.tuples(*[st.integers(-3, 3)] * 3).filter(lambda hkl: gcd(*hkl) == 1)
NAMES = st.sampled_from(["Cu", "Li", "Mg", "C", "LiF", "ZnS", "Cu2O"])
MATCHER = StructureMatcher(primitive_cell=False, scale=False, attempt_supercell=False)

# Top faces by preference, counted by hand from the planes of one period.
FACES = [
    ("Mg", (0, 0, 1), ["Mg"]),
    ("Mg", (1, 0, 0), ["Mg", "Mg"]),  # (10-10)
    ("Mg", (1, 1, 0), ["Mg"]),  # (11-20)
    ("LiF", (1, 0, 0), ["LiF"]),
    ("LiF", (1, 1, 0), ["LiF"]),
    ("LiF", (1, 1, 1), ["F", "Li"]),
    ("C", (1, 0, 0), ["C"]),
    ("C", (1, 1, 1), ["C", "C"]),  # single bonds or triple ones cut
    ("ZnS", (1, 1, 0), ["ZnS"]),
    ("ZnS", (1, 0, 0), ["S", "Zn"]),
    ("Cu2O", (1, 0, 0), ["Cu", "O"]),
    ("Cu2O", (1, 1, 0), ["Cu", "CuO"]),
    ("Cu2O", (1, 1, 1), ["Cu", "O", "O"]),  # O-Cu-O triple layers
]


@pytest.fixture(scope="module")
def caf2() -> Crystal:
    return standard_crystal(
        "CaF2", prototype_structure("CaF2", CrystalSettings(prototype="fluorite", a=5.46))
    )


def cuts(crystal: Crystal, hkl, prefer="symmetric", thickness=10.0) -> list[Slab]:
    return slab_terminations(crystal, hkl, min_thickness=thickness, vacuum=8, prefer=prefer)


@pytest.mark.parametrize(("name", "hkl", "tops"), FACES)
def test_faces_of_common_planes(crystals, name, hkl, tops):
    slabs = cuts(crystals[name], hkl)
    assert sorted(slab.faces[1] for slab in slabs) == tops
    assert [slab.termination for slab in slabs] == list(range(len(tops)))
    assert [slab.candidate.parameters["termination"] for slab in slabs] == list(range(len(tops)))
    assert len({slab.candidate.structure_id for slab in slabs}) == len(tops)


def test_short_and_long_gap_of_hcp(mg):
    # Along [10-10] the planes are a√3/6 and a√3/3 apart.
    wide, narrow = cuts(mg, (1, 0, 0))
    for slab, outer in ((wide, 3.2 * np.sqrt(3) / 6), (narrow, 3.2 * np.sqrt(3) / 3)):
        assert np.diff(slab.heights)[[0, -1]] == pytest.approx([outer, outer])
        assert slab.cut.inversion_symmetric
        assert slab.cut.stoichiometric
    assert wide.cut.broken_bonds < narrow.cut.broken_bonds


@pytest.mark.parametrize(
    ("name", "hkl"),
    [("Mg", (1, 0, 0)), ("Mg", (1, 0, 1)), ("LiF", (1, 1, 1)), ("LiF", (2, 1, 0)),
     ("C", (1, 1, 1)), ("Cu2O", (1, 0, 0)), ("Cu2O", (1, 1, 0)), ("Cu2O", (1, 1, 1))],
)  # fmt: skip
def test_counts_agree_with_pymatgen(crystals, name, hkl):
    # pymatgen stacks whole periods (stoichiometric slabs) and shifts the cut; of a slab and its
    # flipped image it keeps one. With `symmetrize` it takes atoms off until the faces are equal.
    crystal = crystals[name]
    generator = SlabGenerator(crystal.conventional, hkl, 10, 16, primitive=True)
    stoichiometric = generator.get_slabs(symmetrize=False, ftol=0.05)
    symmetric = generator.get_slabs(symmetrize=True, ftol=0.05)
    assert len(cuts(crystal, hkl, "stoichiometric")) == len(stoichiometric)
    assert len(cuts(crystal, hkl)) == len(symmetric)


def test_where_pymatgen_misses_terminations(zns, caf2):
    # Faces equal by a rotation, not by inversion: pymatgen's symmetrize knows Laue groups only.
    # It also gives up where taking off atoms makes the slab too thin.
    for crystal, hkl, ours, theirs in ((zns, (1, 0, 0), 2, 0), (caf2, (1, 1, 1), 3, 1)):
        generator = SlabGenerator(crystal.conventional, hkl, 10, 16, primitive=True)
        assert len(generator.get_slabs(symmetrize=True, ftol=0.05)) == theirs
        slabs = cuts(crystal, hkl)
        assert len(slabs) == ours
        assert all(slab.cut.equal_faces and slab.faces[0] == slab.faces[1] for slab in slabs)


def test_stoichiometric_polar_slab_shows_both_faces(lif, zns, caf2):
    (slab,) = cuts(lif, (1, 1, 1), "stoichiometric")
    assert sorted(slab.faces) == ["F", "Li"]
    assert slab.cut.stoichiometric
    assert not slab.cut.equal_faces
    first, second = cuts(lif, (1, 1, 1))
    assert not first.cut.stoichiometric
    assert {first.faces, second.faces} == {("Li", "Li"), ("F", "F")}
    # No operation maps (111) of zincblende onto (-1-1-1): two stoichiometric slabs.
    one, three = cuts(zns, (1, 1, 1), "stoichiometric")
    assert one.faces == three.faces[::-1]
    assert three.cut.broken_bonds == pytest.approx(3 * one.cut.broken_bonds)
    # Fluorite (111): F-Ca-F triple layers, and one slab between the two polar faces.
    triple, polar = cuts(caf2, (1, 1, 1), "stoichiometric")
    assert triple.faces == ("F", "F")
    assert triple.cut.inversion_symmetric
    assert sorted(polar.faces) == ["Ca", "F"]


@pytest.mark.parametrize("prefer", ["symmetric", "stoichiometric"])
@pytest.mark.parametrize(
    ("name", "hkl"), [("LiF", (1, 1, 1)), ("C", (1, 1, 1)), ("ZnS", (1, 1, 1)),
                      ("Cu2O", (1, 1, 1)), ("Cu2O", (2, 1, 0)), ("Mg", (1, 0, 1))]
)  # fmt: skip
def test_no_slab_is_listed_twice(crystals, name, hkl, prefer):
    slabs = cuts(crystals[name], hkl, prefer)
    for one, other in combinations(slabs, 2):
        assert not MATCHER.fit(one.structure, other.structure)


def distinct_tops(crystal: Crystal, hkl, reach: float = 6.5) -> int:
    """Distinct faces by brute force: planes whose atoms see different half crystals below."""
    normal = np.array(hkl) @ crystal.conventional.lattice.reciprocal_lattice.matrix
    normal /= np.linalg.norm(normal)
    # Every site within reach of the primitive cell.
    heights = 1 / np.linalg.norm(np.linalg.inv(crystal.primitive.lattice.matrix), axis=0)
    steps = [np.arange(-n, n + 1) for n in np.ceil(reach / heights).astype(int) + 1]
    cells = np.stack(np.meshgrid(*steps, indexing="ij"), -1).reshape(-1, 1, 3)
    positions = (crystal.primitive.frac_coords + cells).reshape(-1, 3)
    positions = positions @ crystal.primitive.lattice.matrix
    numbers = np.tile(crystal.primitive.atomic_numbers, len(cells))
    tree = cKDTree(positions)
    views = []
    for site in crystal.primitive.cart_coords:
        away = positions - site
        near = tree.query_ball_point(site, reach)
        seen = [i for i in near if away[i] @ normal < 1e-3]
        views.append(
            np.array(
                sorted(
                    (round(float(np.linalg.norm(away[i])), 3), round(float(-away[i] @ normal), 3),
                     float(numbers[i]))
                    for i in seen
                )
            )
        )  # fmt: skip
    # Planes of one period: sites whose heights differ by whole periods.
    lattice_heights = np.abs(cells.reshape(-1, 3) @ crystal.primitive.lattice.matrix @ normal)
    period = lattice_heights[lattice_heights > 1e-3].min()
    planes: list[list[int]] = []
    levels = crystal.primitive.cart_coords @ normal / period
    for i, level in enumerate(levels):
        for plane in planes:
            if abs((level - levels[plane[0]]) - round(level - levels[plane[0]])) < 1e-4:
                plane.append(i)
                break
        else:
            planes.append([i])
    distinct: list[list[np.ndarray]] = []
    for plane in planes:
        view = sorted((views[i] for i in plane), key=lambda shell: shell.round(2).tolist())
        if not any(
            len(view) == len(other)
            and all(
                a.shape == b.shape and np.allclose(a, b, atol=5e-3)
                for a, b in zip(view, other, strict=True)
            )
            for other in distinct
        ):
            distinct.append(view)
    return len(distinct)


@settings(max_examples=40, deadline=None)
@given(name=NAMES, hkl=COPRIME)
def test_every_distinct_face_is_there(crystals, name, hkl):
    crystal = crystals[name]
    slabs = cuts(crystal, hkl, thickness=7.0)
    assert len(slabs) == distinct_tops(crystal, hkl)
    period = crystal.primitive.volume / slabs[0].area
    for prefer in ("symmetric", "stoichiometric"):
        listed = cuts(crystal, hkl, prefer, thickness=7.0)
        for slab in listed:
            assert 7 - 1e-6 <= slab.thickness < 7 + period
            bulk, ours = crystal.primitive.composition, slab.structure.composition
            assert slab.cut.stoichiometric == (bulk.reduced_composition == ours.reduced_composition)
        first = cut_slab(crystal, hkl, min_thickness=7, vacuum=8, prefer=prefer)
        assert first.candidate.structure_id == listed[0].candidate.structure_id
    # What is preferred is had wherever any cut has it.
    assert listed[0].cut.stoichiometric
    assert slabs[0].cut.inversion_symmetric == (name != "ZnS")


@settings(max_examples=30, deadline=None)
@given(name=NAMES, hkl=COPRIME)
def test_broken_bonds_are_neighbours_lost(crystals, name, hkl):
    crystal = crystals[name]
    for slab in cuts(crystal, hkl, thickness=11.0):
        structure = slab.structure
        alone = Structure(
            Lattice(structure.lattice.matrix, pbc=(True, True, False)),
            structure.species,
            structure.frac_coords,
        )
        bond = crystal.bond_length
        lost = 0
        for i in np.flatnonzero(slab.heights > slab.thickness / 2):
            here = len(alone.get_neighbors(alone[i], 1.1 * bond))
            lost += crystal.coordination[slab.basis[i]] - here
        assert slab.cut.broken_bonds == pytest.approx(lost / slab.area)


@pytest.mark.parametrize(
    ("name", "hkl", "bonds", "area"),
    [
        ("Cu", (1, 1, 1), 3, 3.575**2 * np.sqrt(3) / 4),
        ("Cu", (1, 0, 0), 4, 3.575**2 / 2),
        ("Cu", (1, 1, 0), 6, 3.575**2 / np.sqrt(2)),  # five of the first plane, one of the second
        ("Li", (1, 1, 0), 2, 3.456**2 / np.sqrt(2)),
        ("Li", (1, 0, 0), 4, 3.456**2),
        ("LiF", (1, 0, 0), 2, 4.02**2 / 2),
    ],
)
def test_broken_bonds_by_hand(crystals, name, hkl, bonds, area):
    slab = cut_slab(crystals[name], hkl, min_thickness=10, vacuum=8)
    assert slab.cut.broken_bonds == pytest.approx(bonds / area)
    assert slab.candidate.parameters["broken_bonds"] == pytest.approx(bonds / area, abs=2e-6)


def test_below_any_face_the_cut_goes_through_the_widest_gap():
    # Planes 1.8, 2.7 and 4.5 Å apart: no operation exchanges the faces.
    crystal = standard_crystal(
        "Cu",
        Structure(
            Lattice.orthorhombic(3, 4, 9), ["Cu"] * 3, [[0, 0, 0], [0.5, 0, 0.2], [0, 0.5, 0.5]]
        ),
    )
    slabs = cuts(crystal, (0, 0, 1))
    assert len(slabs) == 3
    below = {round(float(slab.heights[1]), 6) for slab in slabs}
    assert below in ({1.8}, {2.7})  # the two that lie inside of the widest
    tops = [float(np.diff(slab.heights)[-1]) for slab in slabs]
    assert sorted(tops) == pytest.approx([1.8, 2.7, 4.5])
    assert tops[0] == pytest.approx(1.8 if below == {2.7} else 2.7)
