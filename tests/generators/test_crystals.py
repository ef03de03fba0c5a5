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
    ("CaF2", "fluorite", {"a": 5.463}, "fluorite", 225, {"Ca": 8, "F": 4}),
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


def test_cuprite():
    structure = prototype_structure("Cu2O", CrystalSettings(prototype="cuprite", a=4.27))
    assert structure.formula == "Cu4 O2"
    assert SpacegroupAnalyzer(structure).get_space_group_number() == 224
    crystal = standard_crystal("Cu2O", structure)
    assert len(crystal.primitive) == 6
    # Two collinear O around Cu, a tetrahedron of Cu around O, 1.849 Å away.
    assert crystal.bond_length == pytest.approx(4.27 * np.sqrt(3) / 4)
    assert crystal.bond_length == pytest.approx(1.849, abs=1e-3)
    for site, number in zip(crystal.primitive, crystal.coordination, strict=True):
        assert number == {"Cu": 2, "O": 4}[site.specie.symbol]
    sites, bonds = crystal.first_neighbours
    copper = [i for i, site in enumerate(crystal.primitive) if site.specie.symbol == "Cu"]
    for atom in copper:
        assert bonds[sites == atom].sum(axis=0) == pytest.approx([0, 0, 0], abs=1e-9)


def test_fluorite_has_four_cations_and_eight_anions():
    structure = prototype_structure("CaF2", CrystalSettings(prototype="fluorite", a=5.463))
    assert structure.formula == "Ca4 F8"
    antifluorite = prototype_structure(
        "Li2O", CrystalSettings(prototype="fluorite", a=4.62, species=("O", "Li"))
    )
    assert antifluorite.formula == "Li8 O4"


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


LOW_SYMMETRY = {
    "chiral": Structure.from_spacegroup(
        "P3_221", Lattice.hexagonal(4.91, 5.4), ["Si", "O"],
        [[0.47, 0, 2 / 3], [0.413, 0.267, 0.786]],
    ),
    "rhombohedral": Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(4.55, 11.86), ["Bi"], [[0, 0, 0.234]]
    ),
    "tetragonal": Structure.from_spacegroup(
        "P4_2/mnm", Lattice.tetragonal(4.59, 2.96), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]
    ),
    "centred orthorhombic": Structure.from_spacegroup(
        "Cmcm", Lattice.orthorhombic(2.8, 5.9, 4.9), ["U"], [[0, 0.1, 0.25]]
    ),
    "monoclinic": Structure.from_spacegroup(
        "P2_1/c", Lattice.monoclinic(5, 6.1, 7, 102), ["Li", "O"],
        [[0.1, 0.2, 0.3], [0.35, 0.1, 0.8]],
    ),
    "triclinic": Structure(
        Lattice.from_parameters(3.5, 4.2, 5.1, 80, 95, 107), ["Cu", "Li", "O"],
        [[0, 0, 0], [0.3, 0.4, 0.55], [0.7, 0.5, 0.45]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", LOW_SYMMETRY)
def test_any_cell_gives_the_same_crystal_in_its_own_or_in_standard_axes(kind):
    structure = LOW_SYMMETRY[kind]
    crystal = standard_crystal("crystal", structure)
    assert crystal.choice == "given"
    assert crystal.conventional.lattice.parameters == pytest.approx(structure.lattice.parameters)
    group = SpacegroupAnalyzer(structure).get_space_group_number()
    matcher = StructureMatcher(scale=False, primitive_cell=True)
    found = {"given": crystal}
    rng = np.random.default_rng(5)
    for turn in range(6):
        lower = np.eye(3, dtype=int) + np.tril(rng.integers(-1, 2, size=(3, 3)), -1)
        cell = (crystal.primitive if turn % 2 else structure) * (
            lower * rng.integers(1, 3, size=(3, 1))
        )
        cell.translate_sites(range(len(cell)), rng.random(3))
        rotation = Rotation.random(random_state=turn).as_matrix()
        turned = Structure(Lattice(cell.lattice.matrix @ rotation), cell.species, cell.frac_coords)
        other = standard_crystal("crystal", turned)
        # The hand of a chiral crystal stays.
        assert SpacegroupAnalyzer(other.conventional).get_space_group_number() == group
        assert matcher.fit(other.conventional, structure)
        if kind in ("monoclinic", "triclinic"):  # of which many cells are conventional
            continue
        first = found.setdefault("standard" if other.choice == "standard" else "given", other)
        for ours, theirs in (
            (first.conventional, other.conventional),
            (first.primitive, other.primitive),
        ):
            assert theirs.lattice.matrix == pytest.approx(ours.lattice.matrix, abs=1e-5)
            assert theirs.species == ours.species
            assert theirs.frac_coords == pytest.approx(ours.frac_coords, abs=1e-5)


def test_an_atom_of_the_rarest_element_is_the_origin(crystals):
    origins = {"Mg": "Mg", "LiF": "Li", "ZnS": "Zn", "Cu2O": "O"}
    for name, element in origins.items():
        sites = [site for site in crystals[name].conventional if site.specie.symbol == element]
        assert min(np.abs(site.frac_coords).max() for site in sites) == 0


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
        ("Li2O", {"prototype": "fluorite", "a": 4.62}, "crystals.Li2O", "fluorite of Li and O is"),
        ("Cu2O", {"prototype": "rocksalt", "a": 4.27}, "crystals.Cu2O", "CuO, not Cu2O"),
    ],
)
def test_impossible_prototypes_are_refused(name, given_, where, message):
    with pytest.raises(GenerationError, match=message) as error:
        prototype_structure(name, CrystalSettings(**given_))
    assert error.value.key == where
    assert str(error.value).startswith(f"{where}: ")


def test_species_override_the_name():
    structure = prototype_structure(
        "anode", CrystalSettings(prototype="bcc", a=3.456, species=("Li",))
    )
    assert structure.formula == "Li2"
