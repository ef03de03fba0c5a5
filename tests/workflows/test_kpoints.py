import pytest
from pymatgen.core import Lattice, Structure

from workflows.kpoints import gamma_mesh


def test_each_division_times_length_reaches_the_asked_length():
    structure = Structure(Lattice.orthorhombic(2.5, 3.6, 33.0), ["Cu"], [[0, 0, 0]])
    assert gamma_mesh(structure, vacuum=False) == (13, 9, 1)
    assert gamma_mesh(structure, vacuum=True) == (13, 9, 1)


@pytest.mark.parametrize("vacuum", [True, False])
def test_vacuum_decides_the_third_division(vacuum):
    structure = Structure(Lattice.cubic(8.0), ["Cu"], [[0, 0, 0]])
    assert gamma_mesh(structure, vacuum=vacuum) == (4, 4, 1 if vacuum else 4)


def test_vacuum_is_told_by_the_widest_gap():
    from ase.build import bulk, fcc111
    from pymatgen.io.ase import AseAtomsAdaptor

    from workflows.kpoints import has_vacuum, vacuum_width

    slab = AseAtomsAdaptor.get_structure(fcc111("Cu", (1, 1, 4), a=3.6, vacuum=7.5, periodic=True))
    assert abs(vacuum_width(slab) - 15.0) < 1e-6
    assert has_vacuum(slab)
    slab.translate_sites([0, 1], [0, 0, 1.0], to_unit_cell=False)
    assert abs(vacuum_width(slab) - 15.0) < 1e-6
    assert not has_vacuum(AseAtomsAdaptor.get_structure(bulk("Cu", "fcc", a=3.6)))


def test_atoms_in_a_box_get_gamma_alone():
    from workflows.kpoints import structure_mesh

    box = Lattice.cubic(15.0)
    for positions in ([[0, 0, 0]], [[0.95, 0.5, 0.5], [0.05, 0.5, 0.5]]):
        dimer = Structure(box, ["Cu"] * len(positions), positions)
        assert structure_mesh(dimer, 32.0) == (1, 1, 1)
    wire = Structure(Lattice.orthorhombic(2.5, 15.0, 15.0), ["Cu"], [[0, 0, 0]])
    assert structure_mesh(wire, 32.0) == (13, 3, 1), "as without this rule"
    assert structure_mesh(Structure(Lattice.cubic(4.0), ["Cu"], [[0, 0, 0]]), 32.0) == (8, 8, 8)
