"""The engine ``tblite``: xTB of molecules, from scratch at each geometry."""

import numpy as np
import pytest
from ase.build import molecule

from generators.molecule import molecule_structure
from workflows.engine import make_engine
from workflows.engines.tblite import TbliteSettings
from workflows.labelling.calculator_engine import loaded_calculator
from workflows.labelling.document import Provenance, frames_of

pytest.importorskip("tblite")


def test_labels_are_those_of_tblite_and_called_simulated():
    from tblite.interface import Calculator

    water = molecule("H2O")
    structure = molecule_structure(water.get_chemical_symbols(), water.positions)
    engine = make_engine(TbliteSettings())
    document = engine.static.label(structure, Provenance("molecule-1", "molecule", "", ""))
    (frame,) = frames_of(document.as_dict())
    bohr, hartree = 0.529177210903, 27.211386245988
    own = Calculator("GFN2-xTB", water.numbers, water.positions / bohr)
    own.set("verbosity", 0)
    energy = own.singlepoint().get("energy") * hartree
    assert frame.energy == pytest.approx(energy, abs=1e-5)
    assert frame.stress is None
    assert engine.simulated


def test_forces_are_derivatives_of_energies():
    water = molecule("H2O")
    water.rattle(0.05, seed=1)
    water.calc = loaded_calculator(TbliteSettings())
    forces = water.get_forces()
    direction = np.random.default_rng(3).normal(size=(3, 3))
    ends = []
    for step in (1e-3, -1e-3):
        moved = water.copy()
        moved.positions += step * direction
        moved.calc = water.calc
        ends.append(moved.get_potential_energy())
    slope = (ends[0] - ends[1]) / 2e-3
    assert -(forces * direction).sum() == pytest.approx(slope, abs=1e-3)


def test_labels_do_not_depend_on_what_was_computed_before():
    water, other = molecule("H2O"), molecule("H2O")
    other.rattle(0.1, seed=1)
    water.calc = other.calc = loaded_calculator(TbliteSettings())
    first = water.get_forces().copy()
    other.get_forces()
    np.testing.assert_array_equal(water.get_forces(), first)
