import numpy as np
import pytest
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT

from workflows.doctor import examine
from workflows.engine import ENGINES
from workflows.labelling.path_check import check_path, mixed_crystal


class Stepping(EMT):
    """EMT with an energy step of 5 meV where two distances between unlike atoms cross."""

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties or ["energy"], system_changes)
        vectors = self.atoms.get_all_distances(mic=True)
        unlike = vectors[self.atoms.numbers == 29][:, self.atoms.numbers != 29]
        crossed = np.sum(np.argsort(unlike, axis=1)[:, 0] * np.arange(len(unlike)))
        self.results["free_energy"] = self.results["energy"] = self.results["energy"] + (
            0.005 * float(crossed % 2)
        )


def test_energies_of_emt_are_the_work_of_its_forces():
    found = check_path(EMT(), mixed_crystal(("Cu", "Ni")))
    assert found.smooth
    assert found.largest < 1e-5


def test_a_step_of_the_energy_is_found():
    found = [
        check_path(Stepping(), mixed_crystal(("Cu", "Ni"), seed), seed).largest for seed in range(8)
    ]
    assert max(found) == pytest.approx(5.0, abs=0.1)


def test_the_cell_has_all_elements_and_no_symmetry():
    atoms = mixed_crystal(("Cu", "Li"))
    assert (len(atoms), set(atoms.get_chemical_symbols())) == (16, {"Cu", "Li"})
    distances = np.sort(atoms.get_all_distances(mic=True)[0])[1:13]
    assert np.ptp(distances) > 0.1
    assert distances.min() > 1.8


@pytest.mark.parametrize("n_elements", [1, 3, 4, 5, 9])
def test_each_element_of_a_campaign_is_in_the_cell(n_elements):
    elements = ["Li", "Cu", "Mg", "O", "Fe", "Ni", "Al", "Si", "Zn"][:n_elements]
    assert set(mixed_crystal(elements).get_chemical_symbols()) == set(elements)


def test_one_wrong_step_stands_out_and_wrong_forces_are_wrong_in_each():
    class Opposite(EMT):
        def calculate(self, *args, **kwargs):
            super().calculate(*args, **kwargs)
            self.results["forces"] = -self.results["forces"]

    start = mixed_crystal(("Cu", "Ni"))
    wrong = check_path(Opposite(), start)
    assert not wrong.smooth
    assert wrong.typical > 0.2 * wrong.largest
    found = [check_path(Stepping(), mixed_crystal(("Cu", "Ni"), seed), seed) for seed in range(8)]
    assert max(each.largest / each.typical for each in found) > 20


def test_an_engine_whose_energy_steps_is_noted(monkeypatch):
    entry = ENGINES["emt"]
    monkeypatch.setattr(
        "workflows.labelling.calculator_engine._checked_path",
        lambda settings, elements: check_path(_Stepping(), mixed_crystal(elements)),
    )

    class _Stepping(EMT):
        calls = 0

        def calculate(self, atoms=None, properties=None, system_changes=all_changes):
            super().calculate(atoms, properties or ["energy"], system_changes)
            type(self).calls += 1
            self.results["free_energy"] = self.results["energy"] + 0.002 * (type(self).calls > 5)

    installed, path = entry.checks(None)
    assert installed.status == "ok"
    assert path.status == "note"
    assert "up to 2 meV in a step of 2.5 mÅ, half of the steps up to" in path.found
    assert path.found.endswith("16 atoms of Cu-Ni)")


@pytest.mark.slow
def test_the_quick_engines_are_compared():
    found = {check.subject: check for check in examine() if "energies and forces" in check.subject}
    assert found["engine emt, energies and forces"].status == "ok"
    assert found["engine chgnet-r2scan, energies and forces"].status == "ok"
    # A fault of its weights: see docs/results/engines_against_gpaw.md.
    assert found["engine diep-r2scan, energies and forces"].status == "note"
