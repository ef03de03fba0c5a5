"""Energy drift: small where a potential is smooth, an answer where atoms are driven apart."""

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT

from training.tuning.stability import UnstableError, energy_drift


class Distorted(EMT):
    """EMT whose forces are scaled, so that they no longer belong to its energies."""

    factor = 0.9

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results["forces"] = self.factor * self.results["forces"]


class Hole(Calculator):
    """Everything falls towards the origin, faster and faster."""

    implemented_properties = ("energy", "forces")

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": 0.0, "forces": -100.0 * self.atoms.positions}


class NotANumber(Hole):
    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": np.nan, "forces": np.full((len(self.atoms), 3), np.nan)}


def crystal(calculator):
    atoms = bulk("Cu", cubic=True)
    atoms.positions += np.random.default_rng(1).normal(size=atoms.positions.shape) * 0.05
    atoms.calc = calculator
    return atoms


def test_energy_is_conserved_by_a_smooth_potential():
    drift = energy_drift(crystal(EMT()))
    assert 0 < drift < 2e-4
    assert drift == energy_drift(crystal(EMT()))


def test_forces_of_another_potential_show_up_as_drift():
    assert energy_drift(crystal(Distorted())) > 20 * energy_drift(crystal(EMT()))


def test_drift_is_per_atom():
    atoms = crystal(Distorted())
    # Kinetic energy at 300 K bounds what a force error of 10 % can do in a tenth of a picosecond.
    assert energy_drift(atoms) < 1.5 * units.kB * 300


@pytest.mark.parametrize("calculator", [Hole(), NotANumber()])
def test_explosions_are_reported_with_their_step(calculator):
    with pytest.raises(UnstableError, match=r"after \d+ steps of molecular dynamics at 300 K"):
        energy_drift(crystal(calculator))
