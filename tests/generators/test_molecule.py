"""Molecules as structures without a cell, and duplicates among them."""

import numpy as np
from ase.build import molecule
from scipy.spatial.transform import Rotation

from generators.candidate import Candidate
from generators.duplicates import unique_candidates
from generators.molecule import is_molecule, molecule_structure


def candidate(symbols, positions, **parameters):
    return Candidate(
        structure=molecule_structure(symbols, positions),
        family="molecule",
        free_mask=(True,) * len(symbols),
        parameters=parameters,
    )


def test_a_molecule_has_no_cell_and_keeps_its_places():
    atoms = molecule("CH4")
    structure = molecule_structure(atoms.get_chemical_symbols(), atoms.positions - 3)
    assert is_molecule(structure)
    np.testing.assert_allclose(structure.cart_coords, atoms.positions - 3, atol=1e-12)
    # Beyond half of any cell, there are no images.
    far = molecule_structure(["H", "H"], [[0, 0, 0], [0, 0, 99]])
    assert far.get_distance(0, 1) == 99


def test_turned_mirrored_and_permuted_molecules_are_duplicates():
    atoms = molecule("CH3OH")
    symbols, positions = np.array(atoms.get_chemical_symbols()), atoms.positions
    turned = Rotation.from_euler("xyz", [0.3, 1.0, -2.0]).apply(positions + 1.0)
    order = np.random.default_rng(1).permutation(len(symbols))
    mirrored = positions * [1, 1, -1]
    candidates = [
        candidate(symbols, positions, copy=0),
        candidate(symbols[order], turned[order], copy=1),
        candidate(symbols, mirrored, copy=2),
    ]
    kept, duplicates = unique_candidates(candidates)
    assert len(kept) == 1
    assert len(duplicates) == 2


def test_molecules_whose_distances_differ_are_none():
    water = molecule("H2O")
    stretched = water.copy()
    stretched.set_distance(0, 1, 1.0, fix=0)
    candidates = [candidate("OHH", each.positions) for each in (water, stretched)]
    assert len(unique_candidates(candidates)[0]) == 2


def test_the_same_distances_between_other_atoms_are_no_duplicate():
    """Two bond lengths in carbon monoxide-like chains, swapped between the elements."""
    places = np.array([[0.0, 0, 0], [0, 0, 1.1], [0, 0, 2.4]])
    one, two = candidate("OCS", places), candidate("SCO", places)
    assert len(unique_candidates([one, two])[0]) == 2
