import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.constraints import FixAtoms
from ase.neighborlist import neighbor_list
from ase.optimize import BFGS
from pymatgen.io.ase import AseAtomsAdaptor

from analysis.validation.free_energy import free_energy
from analysis.validation.material import JudgedStructure, Material
from analysis.validation.source import Relaxed, Source
from generators.catalogue import build_catalogue
from generators.crystals import prototype_structure
from generators.settings import CrystalSettings
from generators.structures_settings import StructuresSettings


class Bonds(Calculator):
    """Each pair of neighbours has an energy of -1 eV, and nothing moves: energies are counts."""

    implemented_properties = ("energy", "forces", "stress")

    def __init__(self, reach):
        super().__init__()
        self.reach = reach

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        n_bonds = len(neighbor_list("i", self.atoms, self.reach)) / 2
        self.results = {
            "energy": -n_bonds,
            "forces": np.zeros((len(self.atoms), 3)),
            "stress": np.zeros(6),
        }


class CalculatorSource(Source):
    """Computes with a calculator; `melt` runs melt-quenches."""

    def __init__(self, calculator, melt=None):
        super().__init__("engine")
        self._calculator, self._melt = calculator, melt

    def calculator(self):
        return self._calculator

    def relaxed(self, structure):
        atoms = structure.atoms.copy()
        atoms.calc = self._calculator
        BFGS(atoms, logfile=None).run(fmax=0.01, steps=100)
        return Relaxed(free_energy(atoms), atoms, converged=True)

    def melt_quench(self, structure):
        return self._melt(structure, self._calculator)


@pytest.fixture(scope="session")
def source_of():
    """Return a source that computes with a calculator."""
    return CalculatorSource


@pytest.fixture(scope="session")
def material_of():
    """Return a material of generated structures, as a campaign makes them."""

    def make(crystals, **structures):
        given = {
            name: prototype_structure(name, CrystalSettings.model_validate(settings))
            for name, settings in crystals.items()
        }
        sections = StructuresSettings.model_validate(structures or {"bulk": {}})
        candidates = build_catalogue(given, sections).candidates
        cells = {name: AseAtomsAdaptor.get_atoms(each) for name, each in given.items()}
        elements = {symbol for cell in cells.values() for symbol in cell.get_chemical_symbols()}
        return Material(
            crystals={name: _bare(cell) for name, cell in cells.items()},
            structures=tuple(map(_judged, candidates)),
            elements=tuple(sorted(elements)),
        )

    return make


@pytest.fixture(scope="session")
def answers():
    """Return what a source gives for each case of a property."""

    def ask(asked, material, source):
        return {case.name: case.measure(source) for case in asked.cases(material)}

    return ask


@pytest.fixture(scope="session")
def bonds():
    return Bonds


def _judged(candidate):
    atoms = _bare(AseAtomsAdaptor.get_atoms(candidate.structure))
    atoms.set_constraint(FixAtoms(mask=~np.array(candidate.free_mask)))
    return JudgedStructure(
        structure_id=candidate.structure_id,
        family=candidate.family,
        atoms=atoms,
        miller_index=candidate.miller_index,
        parent_id=candidate.parent_id,
        parameters=candidate.parameters,
    )


def _bare(atoms):
    return Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True)
