"""Scans: values are what was asked for, and the rest of the molecule is left alone."""

from itertools import product

import numpy as np
import pytest
from pydantic import ValidationError

from generators.catalogue import build_catalogue
from generators.errors import GenerationError
from generators.families.molecules import molecule_candidates
from generators.families.molecules.settings import MoleculeSettings
from generators.structures_settings import StructuresSettings
from workflows.structures.ase_atoms import atoms_of

OH = {"range": [0.8, 1.2], "points": 3}
HOH = {"atoms": [1, 0, 2], "range": [90, 120], "points": 4}


def scanned(name, *scan):
    section = MoleculeSettings(molecule=name, scan=scan)
    return [atoms_of(each.structure) for each in molecule_candidates(section, "s")]


def test_a_bond_is_scanned_on_an_even_grid_with_both_ends():
    found = scanned("LiH", {"atoms": [0, 1], "range": [0.9, 4.5], "points": 134})
    lengths = [atoms.get_distance(0, 1) for atoms in found]
    np.testing.assert_allclose(lengths, np.linspace(0.9, 4.5, 134), atol=1e-9)


def test_all_combinations_of_two_bonds_and_an_angle():
    found = scanned("H2O", {"atoms": [0, 1], **OH}, {"atoms": [0, 2], **OH}, HOH)
    values = [(a.get_distance(0, 1), a.get_distance(0, 2), a.get_angle(1, 0, 2)) for a in found]
    bonds, angles = np.linspace(0.8, 1.2, 3), np.linspace(90, 120, 4)
    np.testing.assert_allclose(values, list(product(bonds, bonds, angles)), atol=1e-6)


def test_mirror_images_are_labelled_once():
    scan = [{"atoms": [0, 1], **OH}, {"atoms": [0, 2], **OH}, HOH]
    settings = StructuresSettings(molecules=[{"molecule": "H2O", "scan": scan}])
    catalogue = build_catalogue({}, settings)
    assert len(catalogue.candidates) == 6 * 4
    assert len(catalogue.duplicates) == 3 * 4


def test_a_group_turns_as_a_whole_about_its_bond():
    """Ethane's methyl group: its own distances and the C-C bond stay."""
    start = scanned("C2H6")[0]
    carbons = [atom.index for atom in start if atom.symbol == "C"]
    first, second = (
        min(
            (i for i in range(8) if start[i].symbol == "H"),
            key=lambda i, c=carbon: start.get_distance(i, c),
        )
        for carbon in carbons
    )
    turn = {"atoms": [first, *carbons, second], "range": [0, 120], "points": 3}
    found = scanned("C2H6", turn)
    for value, atoms in zip((0, 60, 120), found, strict=True):
        angle = atoms.get_dihedral(first, *carbons, second)
        assert (angle - value + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)
        for carbon in carbons:
            near = sorted(atoms.get_distances(carbon, range(8)))
            np.testing.assert_allclose(
                near, sorted(start.get_distances(carbon, range(8))), atol=1e-9
            )


def test_coordinates_that_change_each_other_are_refused():
    """The hydrogens' distance takes oxygen along with the second one, away from the first."""
    with pytest.raises(GenerationError, match="with all coordinates set") as caught:
        scanned(
            "H2O",
            {"atoms": [0, 1], "range": [1.0, 1.0], "points": 1},
            {"atoms": [1, 2], "range": [1.8, 1.8], "points": 1},
        )
    assert "Choose coordinates" in caught.value.remedy


def test_atoms_that_are_not_there_are_refused():
    with pytest.raises(GenerationError, match="no atom 7"):
        scanned("H2O", {"atoms": [0, 7], **OH})


@pytest.mark.parametrize(
    "wrong",
    [
        {"atoms": [0, 0], **OH},
        {"atoms": [0, 1], "range": [1.2, 0.8], "points": 3},
        {"atoms": [0, 1], "range": [0.0, 0.8], "points": 3},
        {"atoms": [1, 0, 2], "range": [90, 200], "points": 3},
        {"atoms": [0], **OH},
    ],
)
def test_coordinates_without_meaning_are_refused(wrong):
    with pytest.raises(ValidationError):
        MoleculeSettings(molecule="H2O", scan=[wrong])
