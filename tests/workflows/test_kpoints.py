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
