from pymatgen.core import Lattice, Structure

from workflows.structures.free_atoms import free_mask, set_free_mask


def test_masks_are_read_back_as_set_and_all_atoms_are_free_without_one():
    structure = Structure(Lattice.cubic(4), ["Cu", "Li"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert free_mask(structure) == [True, True]
    set_free_mask(structure, [True, False])
    assert structure.site_properties["selective_dynamics"] == [[True] * 3, [False] * 3]
    assert free_mask(structure) == [True, False]


def test_an_atom_held_along_one_axis_is_not_free():
    structure = Structure(Lattice.cubic(4), ["Cu"], [[0, 0, 0]])
    structure.add_site_property("selective_dynamics", [[True, True, False]])
    assert free_mask(structure) == [False]
