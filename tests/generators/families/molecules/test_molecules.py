"""Molecules by name and from files, and how many there are."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import write
from pydantic import ValidationError

from generators.catalogue import build_catalogue
from generators.errors import GenerationError
from generators.families.molecules import molecule_candidates
from generators.families.molecules.settings import MoleculeSettings
from generators.structures_settings import StructuresSettings


def made(**section):
    return list(molecule_candidates(MoleculeSettings(**section), "structures.molecules[0]"))


def test_a_molecule_by_name_is_as_ase_has_it():
    (water,) = made(molecule="H2O")
    np.testing.assert_allclose(water.structure.cart_coords, molecule("H2O").positions, atol=1e-9)
    assert (water.family, water.parent_id) == ("molecule", "")
    (dimer,) = made(molecule="Water_dimer")
    oxygens = [site.coords for site in dimer.structure if site.specie.symbol == "O"]
    assert np.linalg.norm(oxygens[0] - oxygens[1]) == pytest.approx(2.91, abs=0.01)  # S22


def test_an_unknown_name_suggests_near_ones():
    with pytest.raises(GenerationError) as caught:
        made(molecule="Water_dimmer")
    assert "Water_dimer" in caught.value.remedy


def test_every_nth_geometry_of_a_file(tmp_path):
    frames = [Atoms("LiH", [[0, 0, 0], [0, 0, 1.2 + 0.1 * i]]) for i in range(7)]
    write(tmp_path / "lih.xyz", frames)
    found = made(file=tmp_path / "lih.xyz", every=3)
    assert [each.parameters["frame"] for each in found] == [0, 3, 6]
    lengths = [each.structure.get_distance(0, 1) for each in found]
    assert lengths == pytest.approx([1.2, 1.5, 1.8])


def test_files_of_crystals_and_of_nothing_are_refused(tmp_path):
    write(tmp_path / "cu.xyz", Atoms("Cu", cell=[3, 3, 3], pbc=True), format="extxyz")
    with pytest.raises(GenerationError, match="periodic"):
        made(file=tmp_path / "cu.xyz")
    (tmp_path / "empty.xyz").write_text("")
    with pytest.raises(GenerationError, match="no geometry"):
        made(file=tmp_path / "empty.xyz")


@pytest.mark.parametrize(
    "section", [{}, {"molecule": "H2O", "file": "h2o.xyz"}, {"molecule": "H2O", "every": 2}]
)
def test_one_origin_of_geometries(section):
    with pytest.raises(ValidationError, match=r"molecule|file"):
        MoleculeSettings(**section)


def test_a_catalogue_needs_no_crystals():
    settings = StructuresSettings(
        molecules=[{"molecule": "H2O"}], isolated_atoms={"box": None}, dimers={"box": None}
    )
    candidates = build_catalogue({}, settings).candidates
    families = [candidate.family for candidate in candidates]
    assert families.count("isolated_atom") == 2  # H and O: the elements of the molecules
    assert families.count("dimer") == 3 * 9
    assert not any(any(each.structure.lattice.pbc) for each in candidates)


def test_a_catalogue_of_nothing_is_refused():
    with pytest.raises(GenerationError, match="no structure"):
        build_catalogue({}, StructuresSettings(bulk={}))


def test_too_many_geometries_are_refused_before_they_are_made():
    axis = {"range": [0.8, 1.2], "points": 1000}
    section = {
        "molecule": "H2O",
        "scan": [{"atoms": [0, 1], **axis}, {"atoms": [0, 2], **axis}],
    }
    with pytest.raises(GenerationError, match="1,000,000 structures"):
        build_catalogue({}, StructuresSettings(molecules=[section]))
