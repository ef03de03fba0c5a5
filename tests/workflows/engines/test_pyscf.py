"""The engine ``pyscf``: published energies, forces that are derivatives, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.data.s22 import create_s22_system
from pydantic import ValidationError

from cuprolith.errors import CuprolithError
from generators.molecule import molecule_structure
from workflows.engine import ENGINES, engine_settings, make_engine
from workflows.labelling.document import Provenance, frames_of

pytest.importorskip("pyscf")

from workflows.engines.pyscf.calculator import (
    NotConvergedError,
    PyscfCalculator,
    unpaired_electrons,
)
from workflows.engines.pyscf.settings import PyscfSettings

# Crawford's Programming Projects, input/h2o/<basis>/geom.dat, Bohr.
CRAWFORD_WATER = Atoms(
    "OHH",
    np.array(
        [
            [0.000000000000, -0.143225816552, 0.000000000000],
            [1.638036840407, 1.136548822547, -0.000000000000],
            [-1.638036840407, 1.136548822547, -0.000000000000],
        ]
    )
    * units.Bohr,
)


def settings(**given):
    return PyscfSettings(**{"basis": "sto-3g", **given})


def hartree(atoms, **given):
    atoms = atoms.copy()
    atoms.calc = PyscfCalculator(settings(**given))
    return atoms.get_potential_energy() / units.Hartree


# Of Crawford's projects 3, 5 and 6: the energies of their solutions, all electrons correlated.
@pytest.mark.parametrize(
    ("method", "energy"),
    [
        ("HF", -74.942079928192),
        ("CCSD", -74.942079928192 - 0.070680088376),
        ("CCSD(T)", -74.942079928192 - 0.070680088376 - 0.000099877272),
    ],
)
def test_water_has_the_energies_of_crawfords_projects(method, energy):
    assert hartree(CRAWFORD_WATER, method=method) == pytest.approx(energy, abs=1e-6)


def test_full_ci_of_two_electrons_is_ccsd():
    hydrogen = molecule("H2")
    ccsd = hartree(hydrogen, method="CCSD", basis="6-31g")
    assert hartree(hydrogen, method="FCI", basis="6-31g") == pytest.approx(ccsd, abs=1e-8)


def test_full_ci_of_water_lies_below_ccsd_t_by_what_is_left_of_correlation():
    """In a minimal basis that is a tenth of a mHartree."""
    missing = hartree(CRAWFORD_WATER, method="CCSD(T)") - hartree(CRAWFORD_WATER, method="FCI")
    assert 0 < missing < 3e-4


def test_full_ci_does_not_depend_on_the_reference():
    """Its own determinants diagonalised in a loop over another basis: all orbitals active."""
    lih = Atoms("LiH", [[0, 0, 0], [0, 0, 1.5957]])
    full = hartree(lih, method="FCI")
    assert hartree(lih, method="CASCI", active_space=(4, 6)) == pytest.approx(full, abs=1e-8)


def test_the_hydrogen_atom_has_its_energy_in_every_method():
    """STO-3G: -0.466582 Hartree (Szabo and Ostlund, table 3.5)."""
    for method in ("HF", "CCSD", "CCSD(T)", "FCI"):
        assert hartree(Atoms("H"), method=method) == pytest.approx(-0.466582, abs=1e-6)


def test_stretched_lih_dissociates_into_its_atoms():
    """Full CI is size-consistent: the closed-shell molecule becomes two open-shell atoms."""
    far = hartree(Atoms("LiH", [[0, 0, 0], [0, 0, 30.0]]), method="FCI")
    atoms = hartree(Atoms("Li"), method="FCI") + hartree(Atoms("H"), method="FCI")
    assert far == pytest.approx(atoms, abs=1e-5)


def test_density_fitting_is_close_to_what_it_fits():
    water = molecule("H2O")
    exact = hartree(water, method="HF", basis="cc-pvdz")
    fitted = hartree(water, method="HF", basis="cc-pvdz", density_fit=True)
    assert 1e-8 < abs(fitted - exact) < 1e-4


@pytest.mark.slow
def test_the_water_dimer_is_bound():
    """PBE/def2-SVP without a correction of the basis overbinds the 5 kcal/mol of S22."""
    given = {"method": "DFT", "basis": "def2-svp", "density_fit": True, "grid_level": 2}
    dimer = create_s22_system("Water_dimer")
    apart = hartree(dimer[:3], **given) + hartree(dimer[3:], **given)
    bound = (apart - hartree(dimer, **given)) * units.Hartree / (units.kcal / units.mol)
    assert 5 < bound < 10


def displaced(name):
    atoms = Atoms("LiH", [[0, 0, 0], [0.1, 0.2, 1.9]]) if name == "LiH" else molecule(name)
    atoms.rattle(0.05, seed=1)
    return atoms


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("H2O", {"method": "HF"}),
        ("NH2", {"method": "HF"}),
        ("H2O", {"method": "HF", "density_fit": True}),
        ("H2O", {"method": "DFT", "xc": "PBE"}),
        ("H2O", {"method": "DFT", "xc": "B3LYP", "density_fit": True, "grid_level": 1}),
        ("NH2", {"method": "DFT", "xc": "PBE", "grid_level": 1}),
        ("H2O", {"method": "CCSD"}),
        ("H2O", {"method": "CCSD", "basis": "6-31g", "frozen_core": True}),
        ("NH2", {"method": "CCSD"}),
        ("H2O", {"method": "CCSD(T)"}),
        ("H2O", {"method": "CCSD(T)", "basis": "6-31g", "frozen_core": True}),
        ("LiH", {"method": "FCI"}),
        ("H2O", {"method": "FCI"}),
        ("NH2", {"method": "FCI"}),
        ("H2O", {"method": "CASCI", "basis": "6-31g", "active_space": (4, 4)}),
    ],
)
def test_forces_are_derivatives_of_energies(name, given):
    atoms = displaced(name)
    atoms.calc = PyscfCalculator(settings(**given))
    forces = atoms.get_forces()
    np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-6)
    # Along one direction, in which all atoms move, to the fourth order of the step.
    direction = np.random.default_rng(3).normal(size=forces.shape)
    energies = []
    for step in (0.004, -0.004, 0.008, -0.008):
        moved = atoms.copy()
        moved.positions += step * direction
        moved.calc = atoms.calc
        energies.append(moved.get_potential_energy())
    plus, minus, plus2, minus2 = energies
    slope = (8 * (plus - minus) - (plus2 - minus2)) / 0.048
    assert -(forces * direction).sum() == pytest.approx(slope, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "given", [{"method": "CCSD(T)"}, {"method": "CASCI", "active_space": (7, 5)}]
)
def test_forces_of_open_shells_by_differences_are_derivatives_along_a_bond(given):
    """With a step of another length than the engine's own."""
    atoms = Atoms("OH", [[0, 0, 0], [0, 0, 1.0]], calculator=PyscfCalculator(settings(**given)))
    ends = [hartree(Atoms("OH", [[0, 0, 0], [0, 0, 1.0 + h]]), **given) for h in (1e-3, -1e-3)]
    slope = (ends[0] - ends[1]) / 2e-3 * units.Hartree
    assert atoms.get_forces()[1, 2] == pytest.approx(-slope, abs=2e-4)


def test_labels_do_not_depend_on_what_was_computed_before():
    calculator = PyscfCalculator(settings(method="HF"))
    near, far = molecule("H2O"), displaced("H2O")
    near.calc = far.calc = calculator
    first = near.get_forces().copy()
    far.get_forces()
    near.calc.reset()
    np.testing.assert_array_equal(near.get_forces(), first)


CODE = """
from ase.build import molecule
from workflows.engines.pyscf.calculator import PyscfCalculator
from workflows.engines.pyscf.settings import PyscfSettings
atoms = molecule("H2O")
atoms.calc = PyscfCalculator(PyscfSettings(method="DFT", basis="sto-3g", grid_level=0))
print(atoms.get_forces().tobytes().hex())
"""


def test_labels_repeat_bit_for_bit_in_another_process():
    other = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True).stdout
    atoms = molecule("H2O")
    atoms.calc = PyscfCalculator(settings(method="DFT", grid_level=0))
    assert atoms.get_forces().tobytes().hex() == other.decode().strip()


@pytest.mark.parametrize("method", ["HF", "CCSD", "FCI"])
def test_what_does_not_converge_is_no_label(method):
    atoms = displaced("H2O")
    atoms.calc = PyscfCalculator(settings(method=method, basis="6-31g", max_cycles=1))
    with pytest.raises(NotConvergedError, match="did not converge") as caught:
        atoms.get_potential_energy()
    assert caught.value.key == "engine.max_cycles"
    assert "raise engine.max_cycles" in caught.value.remedy


def test_second_order_steps_converge_what_diis_does_not():
    """Stretched N2 in six cycles: DIIS is short of 1e-10, and Newton's steps get there."""
    stretched = Atoms("N2", [[0, 0, 0], [0, 0, 2.2]])
    patient = hartree(stretched, method="HF", max_cycles=200)
    assert hartree(stretched, method="HF", max_cycles=6) == pytest.approx(patient, abs=1e-6)


def test_unpaired_electrons():
    given = settings(method="HF")
    found = {name: unpaired_electrons(molecule(name), given) for name in ("H2O", "OH", "O", "Li")}
    assert found == {"H2O": 0, "OH": 1, "O": 2, "Li": 1}
    assert unpaired_electrons(molecule("OH"), settings(method="HF", charge=-1)) == 0
    assert unpaired_electrons(molecule("O2"), settings(method="HF", spin=2)) == 2
    with pytest.raises(CuprolithError, match="1 cannot be unpaired"):
        unpaired_electrons(molecule("H2O"), settings(method="HF", spin=1))


def test_triplet_oxygen_lies_below_the_singlet():
    oxygen = molecule("O2")
    triplet = hartree(oxygen, method="HF", spin=2)
    assert triplet < hartree(oxygen, method="HF", spin=0) - 0.01


def test_labels_are_frames_without_cell_and_stress_and_no_simulation():
    engine = make_engine(settings(method="HF"))
    water = molecule("H2O")
    structure = molecule_structure(water.get_chemical_symbols(), water.positions)
    document = engine.static.label(structure, Provenance("molecule-1", "molecule", "", ""))
    (frame,) = frames_of(document.as_dict())
    assert frame.pbc == (False, False, False)
    assert not frame.cell.any()
    assert frame.stress is None
    assert (frame.engine, frame.functional) == ("pyscf", "HF/sto-3g")
    assert not engine.simulated
    assert engine.simulated_by.startswith("energies and forces come from quantum chemistry")
    relaxed = engine.relax.label(structure, Provenance("molecule-1", "molecule", "", ""))
    assert relaxed.ionic_converged
    assert relaxed.energy_last < document.energy_last


def test_settings_that_do_not_decide_labels_leave_the_hash():
    def config_hash(**given):
        return make_engine(settings(**given)).config_hash

    assert config_hash(method="HF") == config_hash(method="HF", xc="BLYP", grid_level=5)
    assert config_hash(method="HF") != config_hash(method="HF", basis="6-31g")
    assert config_hash(method="DFT") != config_hash(method="DFT", grid_level=5)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"method": "CASCI"}, "needs it"),
        ({"method": "HF", "active_space": [2, 2]}, "needs it"),
        ({"method": "CCSD", "density_fit": True}, "for HF and DFT"),
        ({"method": "FCI", "frozen_core": True}, "for CCSD"),
        ({"method": "MP7"}, "method"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given, words):
    with pytest.raises(ValidationError, match=words):
        engine_settings(name="pyscf", **given)


@pytest.mark.parametrize(
    ("given", "atoms", "key"),
    [
        ({}, bulk("Cu"), "engine.name"),
        ({"basis": "sto-9g"}, molecule("H2O"), "engine.basis"),
        ({"spin": 1}, molecule("H2O"), "engine.spin"),
        ({}, Atoms("Au"), "engine.name"),
    ],
)
def test_structures_that_it_cannot_label_are_refused_before_any_is_computed(given, atoms, key):
    with pytest.raises(CuprolithError) as caught:
        ENGINES["pyscf"].check_structure(PyscfSettings(**given), atoms)
    assert caught.value.key == key
    assert caught.value.remedy


@pytest.mark.parametrize("xc", ["XYZ23", "wB97X-V"])
def test_functionals_that_it_does_not_know_are_refused(xc):
    with pytest.raises(CuprolithError) as caught:
        make_engine(settings(method="DFT", xc=xc))
    assert caught.value.key == "engine.xc"


def test_meta_ggas_get_a_warning_about_forces():
    (note,) = ENGINES["pyscf"].unfit(settings(method="DFT", xc="R2SCAN"), ["H", "O"], [])
    assert "grid_level" in note
    assert ENGINES["pyscf"].unfit(settings(method="DFT", xc="PBE"), ["H", "O"], []) == []


@pytest.mark.parametrize("name", ["vasp", "gpaw", "diep-r2scan", "chgnet-r2scan"])
def test_engines_of_crystals_refuse_molecules(name):
    with pytest.raises(CuprolithError, match="this has none") as caught:
        ENGINES[name].check_structure(engine_settings(name=name), molecule("H2O"))
    assert "pyscf" in caught.value.remedy
    ENGINES[name].check_structure(engine_settings(name=name), bulk("Cu"))


def test_cost_grows_with_the_molecule_and_the_method():
    dft, ccsd_t = (make_engine(settings(method=name, basis="6-31g")) for name in ("DFT", "CCSD(T)"))
    assert dft.seconds_per_step(6, 1) > 1.5 * dft.seconds_per_step(3, 1)
    assert ccsd_t.seconds_per_step(12, 1) > dft.seconds_per_step(12, 1)


def test_doctor_says_what_is_missing(monkeypatch):
    (check,) = ENGINES["pyscf"].checks(None)
    assert check.status == "ok"
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    (check,) = ENGINES["pyscf"].checks(settings())
    assert (check.status, check.remedy) == ("missing", "pip install pyscf")
