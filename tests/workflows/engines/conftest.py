import pytest
from ase.calculators.emt import EMT
from pymatgen.core import Structure


@pytest.fixture
def emt(monkeypatch):
    """Let the makers label with ASE's EMT, which costs nothing and is smooth."""
    monkeypatch.setattr("workflows.engines.makers.embedded_calculator", lambda _name: EMT())


@pytest.fixture
def slab():
    """Cu(100), four layers of one atom, the outer two free, one of them displaced."""
    from ase.build import fcc100

    atoms = fcc100("Cu", (2, 2, 4), a=3.6, vacuum=6.0, periodic=True)
    atoms.positions[-1] += [0.1, 0.05, 0.1]
    structure = Structure(
        atoms.cell.array, atoms.get_chemical_symbols(), atoms.positions, coords_are_cartesian=True
    )
    free = [tag in (1, 4) for tag in atoms.get_tags()]
    structure.add_site_property("selective_dynamics", [[flag] * 3 for flag in free])
    return structure
