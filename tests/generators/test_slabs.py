from __future__ import annotations

import json
from math import gcd

import numpy as np
import pytest
from ase.build import bcc110, fcc100, fcc111, hcp0001
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from generators.crystals import prototype_structure, standard_crystal
from generators.errors import GenerationError
from generators.miller_indices import distinct_miller_indices
from generators.settings import CrystalSettings
from tests.candidates import cut_slab

INDICES = [(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (2, 1, 1), (2, 2, 1), (3, 1, 0), (3, 1, 1),
           (3, 2, 0), (3, 2, 1), (3, 2, 2), (3, 3, 1), (3, 3, 2)]  # fmt: skip
COPRIME = st.tuples(*[st.integers(-4, 4)] * 3).filter(lambda hkl: gcd(*hkl) == 1)
MATCHER = StructureMatcher(primitive_cell=False, scale=False, attempt_supercell=False)


def test_distinct_indices_are_the_papers_13(cu, li):
    assert sorted(distinct_miller_indices(cu, 3)) == INDICES
    assert sorted(distinct_miller_indices(li, 3)) == INDICES
    assert distinct_miller_indices(cu, 1) == [(1, 0, 0), (1, 1, 0), (1, 1, 1)]


@pytest.mark.parametrize(
    ("name", "hkl", "build"),
    [
        ("Cu", (1, 1, 1), lambda: fcc111("Cu", (1, 1, 6), a=3.575, vacuum=9)),
        ("Cu", (1, 0, 0), lambda: fcc100("Cu", (1, 1, 6), a=3.575, vacuum=9)),
        ("Li", (1, 1, 0), lambda: bcc110("Li", (1, 1, 6), a=3.456, vacuum=9)),
        ("Mg", (0, 0, 1), lambda: hcp0001("Mg", (1, 1, 6), a=3.2, c=5.16, vacuum=9)),
    ],
)
def test_slabs_agree_with_ase(crystals, name, hkl, build):
    atoms = build()
    atoms.pbc = True
    reference = AseAtomsAdaptor.get_structure(atoms)
    slab = cut_slab(
        crystals[name], hkl, min_thickness=np.ptp(atoms.positions[:, 2]) - 0.01, vacuum=9
    )
    assert MATCHER.fit(slab.structure, reference)
    assert slab.structure.volume == pytest.approx(reference.volume)


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(["Cu", "Li", "Mg", "C", "LiF", "ZnS", "Cu2O"]), hkl=COPRIME)
def test_period_and_inversion_of_any_plane(crystals, name, hkl):
    crystal = crystals[name]
    slab = cut_slab(crystal, hkl, min_thickness=9, vacuum=6)
    structure = slab.structure
    reciprocal = crystal.conventional.lattice.reciprocal_lattice_crystallographic
    period = crystal.primitive.volume / slab.area
    ratio = 1 / period / np.linalg.norm(np.array(hkl) @ reciprocal.matrix)
    assert ratio == pytest.approx(round(ratio))  # a lattice plane spacing divides d(hkl)
    assert 9 - 1e-6 <= slab.thickness < 9 + period
    assert slab.cut.inversion_symmetric == SpacegroupAnalyzer(structure, 1e-3).is_laue()


def test_free_layers(cu):
    for free_layers, expected in ((0, 0), (1, 4), (2, 8), (9, 17)):
        slab = cut_slab(cu, (1, 1, 0), min_thickness=20, vacuum=8, free_layers=free_layers)
        assert sum(slab.candidate.free_mask) == expected  # two planes of one atom per layer
    slab = cut_slab(cu, (1, 1, 1), min_thickness=12, vacuum=8, free_layers=2)
    assert slab.candidate.free_mask == (True, True, False, False, False, True, True)


def test_cuts_of_diamond_break_one_bond(diamond):
    slab = cut_slab(diamond, (1, 1, 1), min_thickness=8, vacuum=8)
    assert slab.coordination.tolist() == [3, *[4] * 8, 3]


def test_polar_faces(zns, lif):
    # No operation of zincblende exchanges (111) and (-1-1-1): stoichiometric, faces differ.
    slab = cut_slab(zns, (1, 1, 1), min_thickness=9, vacuum=8)
    assert not slab.cut.equal_faces
    assert slab.structure.composition.reduced_formula == "ZnS"
    # Rocksalt (111) has inversion only with the same element on both faces.
    slab = cut_slab(lif, (1, 1, 1), min_thickness=9, vacuum=8)
    assert slab.cut.inversion_symmetric
    assert slab.structure[0].specie == slab.structure[-1].specie
    # (110) of zincblende is not polar; a mirror or rotation exchanges its faces.
    slab = cut_slab(zns, (1, 1, 0), min_thickness=9, vacuum=8)
    assert slab.cut.equal_faces
    assert not slab.cut.inversion_symmetric
    assert slab.structure.composition.reduced_formula == "ZnS"


def test_thickness_met_exactly_needs_no_further_plane(cu):
    slab = cut_slab(cu, (1, 0, 0), min_thickness=4 * 3.575 / 2, vacuum=8)
    assert len(slab.structure) == 5
    slab = cut_slab(cu, (1, 0, 0), min_thickness=4 * 3.575 / 2 + 1e-3, vacuum=8)
    assert len(slab.structure) == 6


def test_candidate_tells_where_it_comes_from(cu):
    slab = cut_slab(cu, (2, 1, 1), min_thickness=9, vacuum=7.5)
    candidate = slab.candidate
    assert candidate.parent_id == ""
    assert candidate.family == "slab"
    assert candidate.miller_text == "2 1 1"
    parameters = json.loads(json.dumps(candidate.parameters))
    assert parameters == candidate.parameters
    assert parameters["crystal"] == "Cu"
    assert parameters["lattice"]["a"] == 3.575
    assert parameters["thickness"] == pytest.approx(slab.thickness, abs=2e-6)
    assert parameters["planes"] == len(slab.structure)
    assert parameters["termination"] == 0
    assert parameters["faces"] == ["Cu", "Cu"]
    assert parameters["stoichiometric"] is True


def test_narrow_vacuum_does_not_make_neighbours(cu):
    wide = cut_slab(cu, (1, 1, 1), min_thickness=8, vacuum=10)
    narrow = cut_slab(cu, (1, 1, 1), min_thickness=8, vacuum=1)
    assert narrow.coordination.tolist() == wide.coordination.tolist() == [9, 12, 12, 12, 9]


def test_common_divisors_are_refused(cu):
    with pytest.raises(GenerationError, match="common divisor"):
        cut_slab(cu, (2, 0, 0), min_thickness=8, vacuum=8)


def test_low_symmetry_crystal():
    # Orthorhombic, two atoms: planes at unequal distances; cuts go through the wide gap.
    crystal = standard_crystal(
        "A", Structure(Lattice.orthorhombic(3, 4, 7), ["Cu", "Cu"], [[0, 0, 0], [0.5, 0.5, 0.3]])
    )
    slab = cut_slab(crystal, (0, 0, 1), min_thickness=15, vacuum=8)
    assert slab.cut.inversion_symmetric
    assert np.diff(slab.heights)[[0, -1]] == pytest.approx([2.1, 2.1])
    assert slab.thickness == pytest.approx(16.1)


def test_hcp_indices_are_of_the_hexagonal_cell():
    crystal = standard_crystal(
        "Mg", prototype_structure("Mg", CrystalSettings(prototype="hcp", a=3.2, c=5.16))
    )
    assert cut_slab(crystal, (0, 0, 1), min_thickness=9, vacuum=8).area == pytest.approx(
        3.2**2 * np.sqrt(3) / 2
    )
    assert cut_slab(crystal, (1, 0, 0), min_thickness=9, vacuum=8).area == pytest.approx(3.2 * 5.16)


@pytest.mark.parametrize(
    "structure",
    [
        Structure.from_spacegroup("R-3m", Lattice.hexagonal(4.55, 11.86), ["Bi"], [[0, 0, 0.234]]),
        Structure.from_spacegroup(
            "Pn-3m:2", Lattice.cubic(4.27), ["Cu", "O"], [[0, 0, 0], [0.25, 0.25, 0.25]]
        ),
        Structure.from_spacegroup(
            "C2/m", Lattice.monoclinic(9, 3.1, 6, 105), ["Li", "O"], [[0.1, 0, 0.3], [0.35, 0, 0.8]]
        ),
        Structure(
            Lattice.from_parameters(3.5, 4.2, 5.1, 80, 95, 107),
            ["Cu", "Li", "Li"],
            [[0, 0, 0], [0.3, 0.4, 0.55], [0.7, 0.6, 0.45]],
        ),
    ],
    ids=["rhombohedral", "Cu2O", "monoclinic", "triclinic"],
)
def test_every_lattice(structure):
    crystal = standard_crystal("crystal", structure)
    for hkl in distinct_miller_indices(crystal, 1):
        slab = cut_slab(crystal, hkl, min_thickness=9, vacuum=6)
        period = crystal.primitive.volume / slab.area
        assert 9 - 1e-6 <= slab.thickness < 9 + period
        assert slab.cut.inversion_symmetric == SpacegroupAnalyzer(slab.structure, 1e-3).is_laue()
        distances = slab.structure.distance_matrix + 1e3 * np.eye(len(slab.structure))
        assert distances.min() > 0.99 * crystal.bond_length
        assert (slab.coordination <= crystal.coordination[slab.basis]).all()
        assert not slab.undercoordinated.all()
