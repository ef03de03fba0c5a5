"""With pair potentials whose curves are known."""

from dataclasses import replace

import numpy as np
import pytest
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list

from analysis.properties.cutoff_smoothness import PROPERTY as CUTOFF_SMOOTHNESS
from analysis.properties.dimer_binding_energy import PROPERTY as BINDING_ENERGY
from analysis.properties.dimer_bond_length import PROPERTY as BOND_LENGTH
from analysis.properties.extensivity import PROPERTY as EXTENSIVITY
from analysis.properties.isolated_atom_energy import PROPERTY as ISOLATED_ATOM
from analysis.properties.short_range_repulsion import PROPERTY as REPULSION

SIGMA = 2.2
R_MAX = 5.0


class Pairs(Calculator):
    """A pair potential from a function of the distance and its derivative."""

    implemented_properties = ("energy", "forces")

    def __init__(self, energy, reach):
        super().__init__()
        self.pair_energy, self.reach = energy, reach

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        distances = neighbor_list("d", self.atoms, self.reach)
        self.results = {
            "energy": float(self.pair_energy(distances).sum() / 2),
            "forces": np.zeros((len(self.atoms), 3)),
        }


@pytest.fixture(scope="module")
def copper(material_of):
    return replace(material_of({"Cu": {"prototype": "fcc", "a": 3.6}}), r_max=R_MAX)


def test_the_dimer_of_lennard_jones_has_its_well_where_it_belongs(copper, source_of, answers):
    source = source_of(LennardJones(sigma=SIGMA, epsilon=0.7, rc=9.0))
    depth = answers(BINDING_ENERGY, copper, source)["Cu-Cu"].values[""]
    length = answers(BOND_LENGTH, copper, source)["Cu-Cu"].values[""]
    assert depth == pytest.approx(0.7, rel=0.02)
    assert length == pytest.approx(2 ** (1 / 6) * SIGMA, rel=0.01)


def test_a_hole_at_short_range_is_found_as_deep_as_it_is(copper, source_of, answers):
    bond = 2 * covalent_radii[29]

    def with_hole(distances):
        wall = (2.0 / distances) ** 6
        return np.where(distances < 0.7 * bond, wall - 30.0, wall)

    good = answers(REPULSION, copper, source_of(Pairs(lambda d: (2.0 / d) ** 6, 4.0)))
    holey = answers(REPULSION, copper, source_of(Pairs(with_hole, 4.0)))
    assert all(each.values[""] == 0 for each in good.values())
    assert good.keys() == {"Cu-Cu dimer", "in Cu"}
    lowest = with_hole(np.array([0.7 * bond - 0.02]))[0]
    assert holey["Cu-Cu dimer"].values[""] > with_hole(np.array([0.71 * bond]))[0] - lowest - 2
    assert holey["in Cu"].values[""] > 10


def test_a_truncated_potential_jumps_at_the_cutoff_and_a_smooth_one_does_not(
    copper, source_of, answers
):
    settings = {"sigma": SIGMA, "epsilon": 1.0, "rc": R_MAX}
    jumps = answers(CUTOFF_SMOOTHNESS, copper, source_of(Truncated(**settings)))
    smooth = answers(CUTOFF_SMOOTHNESS, copper, source_of(LennardJones(smooth=True, **settings)))
    ratio = (SIGMA / R_MAX) ** 6
    assert jumps["Cu-Cu"].values[""] == pytest.approx(4000 * (ratio - ratio**2), rel=0.05)
    assert smooth["Cu-Cu"].values[""] < 0.01


class Truncated(LennardJones):
    """Lennard-Jones that is cut, and not shifted to zero there as ASE's is."""

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties or self.implemented_properties, system_changes)
        n_pairs = len(neighbor_list("i", self.atoms, self.parameters.rc)) / 2
        ratio = (self.parameters.sigma / self.parameters.rc) ** 6
        self.results["energy"] -= 4 * self.parameters.epsilon * (ratio - ratio**2) * n_pairs
        self.results["free_energy"] = self.results["energy"]


def test_without_a_cutoff_there_is_nothing_to_cross(copper):
    assert list(CUTOFF_SMOOTHNESS.cases(replace(copper, r_max=None))) == []


def test_emt_is_extensive_and_its_atom_is_the_zero(copper, source_of, answers):
    source = source_of(EMT())
    assert abs(answers(EXTENSIVITY, copper, source)["Cu"].values[""]) < 1e-6
    alone = answers(ISOLATED_ATOM, copper, source)["Cu"].values[""]
    assert alone == pytest.approx(3.51, abs=0.05)  # EMT counts from the crystal: 3.51 eV/atom


def test_a_term_of_the_cell_is_not_extensive(copper, source_of, answers):
    class WithCellTerm(EMT):
        def calculate(self, atoms=None, properties=None, system_changes=all_changes):
            super().calculate(atoms, properties or ["energy"], system_changes)
            self.results["energy"] += 0.05
            self.results["free_energy"] = self.results["energy"]

    found = answers(EXTENSIVITY, copper, source_of(WithCellTerm()))["Cu"].values[""]
    assert found == pytest.approx(50 / 8 - 50 / 4)
