from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer
from scipy.spatial.transform import Rotation

from generators.crystals import prototype_structure, standard_crystal
from generators.errors import GenerationError
from generators.settings import CrystalSettings

# name, prototype, lattice constants, ASE's name of the prototype, space group, first neighbours
PROTOTYPES = [
    ("Cu", "fcc", {"a": 3.575}, "fcc", 225, {"Cu": 12}),
    ("Li", "bcc", {"a": 3.456}, "bcc", 229, {"Li": 8}),
    ("Mg", "hcp", {"a": 3.2, "c": 5.2}, "hcp", 194, {"Mg": 12}),
    ("C", "diamond", {"a": 3.567}, "diamond", 227, {"C": 4}),
    ("LiF", "rocksalt", {"a": 4.02}, "rocksalt", 225, {"Li": 6, "F": 6}),
    ("CsCl", "cscl", {"a": 4.12}, "cesiumchloride", 221, {"Cs": 8, "Cl": 8}),
    ("ZnS", "zincblende", {"a": 5.41}, "zincblende", 216, {"Zn": 4, "S": 4}),
]


@pytest.mark.parametrize(
    ("name", "prototype", "constants", "ase_name", "group", "shell"), PROTOTYPES
)
def test_prototypes_agree_with_ase_and_spglib(name, prototype, constants, ase_name, group, shell):
    structure = prototype_structure(name, CrystalSettings(prototype=prototype, **constants))
    reference = AseAtomsAdaptor.get_structure(bulk(name, ase_name, **constants))
    assert StructureMatcher(scale=False, primitive_cell=True).fit(structure, reference)
    assert SpacegroupAnalyzer(structure).get_space_group_number() == group
    assert structure.volume / len(structure) == pytest.approx(reference.volume / len(reference))
    crystal = standard_crystal(name, structure)
    coordination = {
        site.specie.symbol: number
        for site, number in zip(crystal.primitive, crystal.coordination, strict=True)
    }
    assert coordination == shell


def test_hcp_without_c_is_ideal():
    structure = prototype_structure("Mg", CrystalSettings(prototype="hcp", a=3.2))
    crystal = standard_crystal("Mg", structure)
    assert crystal.bond_length == pytest.approx(3.2)
    assert structure.lattice.c == pytest.approx(3.2 * np.sqrt(8 / 3))


def test_cells_share_an_orientation(crystals):
    for crystal in crystals.values():
        multiples = crystal.conventional.lattice.matrix @ np.linalg.inv(
            crystal.primitive.lattice.matrix
        )
        assert np.allclose(multiples, np.rint(multiples), atol=1e-6)
        assert np.linalg.det(crystal.primitive.lattice.matrix) > 0
        ratio = len(crystal.conventional) / len(crystal.primitive)
        assert crystal.conventional.volume / crystal.primitive.volume == pytest.approx(ratio)
        matcher = StructureMatcher(scale=False, primitive_cell=True)
        assert matcher.fit(crystal.conventional, crystal.primitive)


@settings(max_examples=20, deadline=None)
@given(
    angles=st.tuples(*[st.floats(0, 360)] * 3),
    shift=st.tuples(*[st.floats(0, 1)] * 3),
    repeats=st.tuples(*[st.integers(1, 2)] * 3),
    primitive=st.booleans(),
)
def test_any_cell_gives_the_same_crystal(cu, angles, shift, repeats, primitive):
    cell = (cu.primitive if primitive else cu.conventional) * repeats
    cell.translate_sites(range(len(cell)), shift)
    rotation = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    turned = Structure(Lattice(cell.lattice.matrix @ rotation), cell.species, cell.frac_coords)
    again = standard_crystal("Cu", turned)
    assert np.allclose(again.conventional.lattice.matrix, 3.575 * np.eye(3), atol=1e-6)
    assert len(again.primitive) == 1


def test_bonds_of_the_first_shell(li):
    sites, bonds = li.first_neighbours
    assert sites.tolist() == [0] * 8
    assert np.linalg.norm(bonds, axis=1) == pytest.approx(3.456 * np.sqrt(3) / 2)
    assert bonds.sum(axis=0) == pytest.approx([0, 0, 0], abs=1e-9)


@pytest.mark.parametrize(
    ("name", "given_", "where", "message"),
    [
        ("alloy", {"prototype": "fcc", "a": 3.5}, "crystals.alloy.species", "1 element"),
        ("Cu", {"prototype": "rocksalt", "a": 3.5}, "crystals.Cu.species", "2 element"),
        ("Cu", {"prototype": "fcc", "a": 3.5, "species": ("Kupfer",)}, "crystals.Cu.species", ""),
        ("Cu", {"prototype": "fcc", "a": 3.5, "c": 4.0}, "crystals.Cu.c", "cubic"),
        ("Cu", {"file": "Cu.cif"}, "crystals.Cu", "no prototype"),
    ],
)
def test_impossible_prototypes_are_refused(name, given_, where, message):
    with pytest.raises(GenerationError, match=message) as error:
        prototype_structure(name, CrystalSettings(**given_))
    assert error.value.where == where
    assert str(error.value).startswith(f"{where}: ")


def test_species_override_the_name():
    structure = prototype_structure(
        "anode", CrystalSettings(prototype="bcc", a=3.456, species=("Li",))
    )
    assert structure.formula == "Li2"


def test_disorder_is_refused():
    alloy = Structure(Lattice.cubic(3.6), [{"Cu": 0.5, "Li": 0.5}], [[0, 0, 0]])
    with pytest.raises(GenerationError, match="partly occupied") as error:
        standard_crystal("alloy", alloy)
    assert error.value.where == "crystals.alloy"


def test_coinciding_atoms_are_refused():
    twice = Structure(Lattice.cubic(3.6), ["Cu", "Cu"], [[0, 0, 0], [0, 0, 0]])
    with pytest.raises(GenerationError, match="no symmetry"):
        standard_crystal("Cu", twice)
