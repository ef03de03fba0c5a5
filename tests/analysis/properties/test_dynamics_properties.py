"""Dynamics whose answer is known: gases, crystals, and potentials that explode."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT

from analysis.properties.hot_force_error import PROPERTY as HOT_FORCE_ERROR
from analysis.properties.hot_stability import PROPERTY as HOT_STABILITY
from analysis.properties.mixing import PROPERTY as MIXING
from analysis.properties.nve_drift import PROPERTY as NVE_DRIFT
from analysis.properties.radial_distribution import PROPERTY as RADIAL_DISTRIBUTION
from analysis.validation.force_errors import compare_forces
from analysis.validation.material import JudgedStructure, Material
from analysis.validation.melting import (
    mean_square_displacements,
    quenched_energy,
    radial_distributions,
    unlike_neighbours,
)
from analysis.validation.property import Curve, Measurement
from analysis.validation.trajectory import Trajectory


class Leaking(EMT):
    """Forces that are not the derivative of an energy: they push the way atoms move."""

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties or ["energy"], system_changes)
        self.results["forces"] = self.results["forces"] + 0.3 * self.atoms.get_velocities()


class Exploding(EMT):
    """Forces that pull instead of push."""

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties or ["energy"], system_changes)
        self.results["forces"] = -5 * self.results["forces"]


@pytest.fixture(scope="module")
def copper(material_of):
    material = material_of({"Cu": {"prototype": "fcc", "a": 3.6}})
    return replace(material, highest_temperature=600.0)


def trajectory_of(frames, energies=None, **given):
    first = frames[0]
    return Trajectory(
        numbers=first.numbers,
        cell=first.cell.array,
        positions=np.array([atoms.positions for atoms in frames]),
        energies=np.zeros(len(frames)) if energies is None else np.asarray(energies, float),
        temperatures=np.full(len(frames), 300.0),
        time_step=2.0,
        **given,
    )


def test_energy_drifts_where_forces_are_not_its_derivative(copper, source_of, answers):
    good = answers(NVE_DRIFT, copper, source_of(EMT()))
    bad = answers(NVE_DRIFT, copper, source_of(Leaking()))
    assert good.keys() == {"Cu, 300 K", "Cu, 600 K"}
    assert all(NVE_DRIFT.passes(each.values[""], 0.0) for each in good.values())
    assert not any(NVE_DRIFT.passes(each.values[""], 0.0) for each in bad.values())


def test_dynamics_that_explode_are_not_sane(copper, source_of, answers):
    (good,) = answers(HOT_STABILITY, copper, source_of(EMT())).values()
    (bad,) = answers(HOT_STABILITY, copper, source_of(Exploding())).values()
    assert good.values[""] == 1.0
    assert bad.values[""] < 0.9
    assert bad.notes


def test_forces_that_vanish_by_symmetry_judge_no_potential():
    none = Measurement(curves={"": Curve.of(range(3), np.zeros(3))})
    assert compare_forces(none, none) == []


def test_dynamics_start_from_frames_of_molecules_too(source_of, answers):
    tetrahedron = Atoms("Cu4", 1.6 * np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]))
    material = Material(crystals={}, held_out={"Cu4": (tetrahedron,)}, elements=("Cu",))
    (stability,) = answers(HOT_STABILITY, material, source_of(EMT())).values()
    (drift,) = answers(NVE_DRIFT, material, source_of(EMT())).values()
    assert stability.values[""] == 1.0
    assert NVE_DRIFT.passes(drift.values[""], 0.0)


def test_force_errors_are_relative_to_the_mean_force(copper, source_of, answers):
    mine = answers(HOT_FORCE_ERROR, copper, source_of(EMT()))["Cu"]
    tenth = {"": Curve(mine.curves[""].x, 1.1 * mine.curves[""].y)}
    (found,) = HOT_FORCE_ERROR.compare(Measurement(curves=tenth), mine)
    assert found.value == pytest.approx(10.0)


def test_radial_distribution_of_a_crystal_counts_its_shells_and_that_of_a_gas_is_one():
    crystal = bulk("Cu", a=3.6, cubic=True).repeat((3, 3, 3))
    curve = radial_distributions(trajectory_of([crystal]))["Cu-Cu"]
    density = 4 / 3.6**3
    neighbours = np.cumsum(curve.y * density * 4 / 3 * np.pi * np.diff(np.linspace(0, 6, 61) ** 3))
    for distance, number in ((3.0, 12), (4.0, 18), (4.7, 42), (5.3, 54)):
        assert neighbours[np.searchsorted(curve.x, distance) - 1] == pytest.approx(number, rel=0.02)
    gas = crystal.copy()
    rng = np.random.default_rng(1)
    frames = []
    for _ in range(8):
        gas.set_scaled_positions(rng.random((len(gas), 3)))
        frames.append(gas.copy())
    far = radial_distributions(trajectory_of(frames))["Cu-Cu"]
    assert far.y[far.x > 1.5].mean() == pytest.approx(1.0, abs=0.03)


def test_the_distance_of_curves_is_relative_to_the_reference():
    x = np.linspace(0, 6, 61)
    one = Measurement(curves={"Cu-Cu": Curve(x, np.ones(61))})
    more = Measurement(curves={"Cu-Cu": Curve(x, np.full(61, 1.2))})
    (found,) = RADIAL_DISTRIBUTION.compare(more, one)
    assert found.value == pytest.approx(20.0)


def test_displacements_are_of_each_element_and_without_the_drift_of_the_whole():
    first = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    last = first.copy()
    last.positions += [7.0, 0.0, 0.0]
    last.positions[0] += [0.0, 1.0, 0.0]
    found = mean_square_displacements(trajectory_of([first, last]))
    sodium, mass = first.get_masses()[0], first.get_masses().sum()
    drift = sodium / mass
    assert found["Na"] == pytest.approx(((1 - drift) ** 2 + 3 * drift**2) / 4)
    assert found["Cl"] == pytest.approx(drift**2)


def test_neighbours_in_an_alloy_are_as_unlike_as_its_lattice_says():
    alloy = bulk("CuZn", "cesiumchloride", a=2.95).repeat((3, 3, 3))
    # Eight unlike neighbours, and six of the own kind that are almost as near.
    assert unlike_neighbours(trajectory_of([alloy])) == pytest.approx(8 / 14)
    assert unlike_neighbours(trajectory_of([bulk("Cu", a=3.6)])) == 0.0


def test_the_quenched_energy_is_that_of_the_end():
    atoms = bulk("Cu", a=3.6, cubic=True)
    energies = np.concatenate([np.full(50, -8.0), np.full(10, -12.0)])
    assert quenched_energy(trajectory_of([atoms] * 60, energies)) == pytest.approx(-3.0)


def test_a_melt_quench_that_stopped_is_a_failure(copper, source_of):
    interface = JudgedStructure("interface-1", "interface", bulk("Cu", a=3.6, cubic=True))
    material = replace(copper, structures=(interface,), melts=True)
    source = source_of(
        EMT(), melt=lambda _, __: trajectory_of([interface.atoms], stopped_because="it exploded")
    )
    (case,) = MIXING.cases(material)
    with pytest.raises(ArithmeticError, match="after 1 steps: it exploded"):
        case.measure(source)
