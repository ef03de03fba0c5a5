"""Molecular dynamics: conserved energy, ramp, thermostat, continuation."""

import numpy as np
import pytest
from ase import units
from pymatgen.io.vasp import Poscar
from rehearsal_runs import MD

from workflows.vasp_rehearsal.thermostat import Thermostat, nose_mass


def steps_of(run):
    return run.vasprun().ionic_steps


def temperatures(steps, degrees):
    return np.array([2 * step["kinetic"] / (degrees * units.kB) for step in steps])


def moved(one, other):
    """Largest distance (Å) between two structures of the same cell, images aside."""
    difference = one.frac_coords - other.frac_coords
    return np.abs((difference - np.round(difference)) @ one.lattice.matrix).max()


def test_energy_is_conserved_without_a_thermostat(make_run):
    drifts = []
    for potim in (2.0, 1.0):
        run = make_run(f"{potim}", **(MD | {"SMASS": -3, "POTIM": potim, "NSW": int(160 / potim)}))
        run.here()
        drifts.append(np.ptp([step["total"] for step in steps_of(run)]))
    assert drifts[0] < 0.02  # eV, of 8 atoms with a kinetic energy of 0.5 eV
    # A symmetric integrator's error falls with the square of the step.
    assert drifts[1] == pytest.approx(drifts[0] / 4, rel=0.4)


def test_energy_with_the_thermostat_is_conserved_during_a_ramp(make_run):
    run = make_run(**(MD | {"TEEND": 100, "NSW": 200}))
    run.here()
    steps = steps_of(run)
    total = np.array([step["total"] for step in steps])
    assert np.ptp(total) < 0.03
    assert np.ptp([step["e_fr_energy"] for step in steps]) > 0.2


@pytest.mark.slow
def test_temperature_follows_the_ramp(make_run):
    run = make_run(**(MD | {"TEEND": 100, "NSW": 300, "SMASS": 0.01}))
    run.here()
    measured = temperatures(steps_of(run), 3 * 8 - 3)
    assert measured[0] == pytest.approx(600, abs=0.1)
    target = 600 - 500 * np.arange(1, 301) / 300
    # Eight atoms fluctuate by a third of the temperature; the means of many periods do not.
    for part in np.split(np.arange(300), 3):
        assert measured[part].mean() == pytest.approx(target[part].mean(), rel=0.2)


def test_two_segments_equal_one_run(make_run):
    whole = make_run("whole", **(MD | {"TEBEG": 600, "TEEND": 500, "NSW": 40}))
    whole.here()
    first = make_run("first", **(MD | {"TEBEG": 600, "TEEND": 550, "NSW": 20}))
    first.here()
    second = make_run(
        "second", poscar=first / "CONTCAR", **(MD | {"TEBEG": 550, "TEEND": 500, "NSW": 20})
    )
    second.here()
    reference, pieces = steps_of(whole), steps_of(first) + steps_of(second)
    for expected, found in zip(reference, pieces, strict=True):
        assert moved(found["structure"], expected["structure"]) < 1e-6
        for name in ("kinetic", "nosepot", "nosekinetic", "total", "e_fr_energy"):
            assert found[name] == pytest.approx(expected[name], abs=1e-6)


def test_a_contcar_through_pymatgen_continues_too(make_run, tmp_path):
    first = make_run("first", **MD, NSW=10)
    first.here()
    copied = tmp_path / "POSCAR"
    structure = Poscar.from_file(first / "CONTCAR", check_for_potcar=False).structure
    rebuilt = type(structure).from_dict(structure.as_dict())
    # Poscar leaves out the thermostat unless it is handed over by name
    preamble = rebuilt.properties["predictor_corrector_preamble"]
    Poscar(rebuilt, predictor_corrector_preamble=preamble).write_file(copied)
    runs = [
        make_run(name, poscar=poscar, **MD, NSW=5)
        for name, poscar in (("direct", first / "CONTCAR"), ("rebuilt", copied))
    ]
    for run in runs:
        run.here()
    for one, other in zip(*(steps_of(run) for run in runs), strict=True):
        assert moved(one["structure"], other["structure"]) < 1e-6
        assert one["total"] == pytest.approx(other["total"], abs=1e-6)


def test_without_the_thermostat_block_positions_and_velocities_still_continue(make_run, tmp_path):
    first = make_run("first", **MD, NSW=10)
    first.here()
    contcar = (first / "CONTCAR").read_text().split("\n\n")
    (tmp_path / "POSCAR").write_text("\n\n".join(contcar[:2]) + "\n")
    runs = [
        make_run(name, poscar=poscar, **MD, NSW=1)
        for name, poscar in (("with", first / "CONTCAR"), ("without", tmp_path / "POSCAR"))
    ]
    for run in runs:
        run.here()
    one, other = (steps_of(run)[0] for run in runs)
    assert moved(one["structure"], other["structure"]) < 1e-8
    assert one["kinetic"] == pytest.approx(other["kinetic"], rel=0.05)
    assert (one["nosekinetic"] > 1e-4) and (other["nosekinetic"] < one["nosekinetic"])


def test_the_same_input_gives_the_same_run(make_run):
    runs = [make_run(name, **MD, NSW=5) for name in ("one", "other")]
    for run in runs:
        run.here()
    assert (runs[0] / "CONTCAR").read_text() == (runs[1] / "CONTCAR").read_text()
    assert (runs[0] / "vasprun.xml").read_text() == (runs[1] / "vasprun.xml").read_text()


def test_fixed_components_do_not_move(make_run, some_fixed):
    run = make_run(free=some_fixed, **MD, NSW=10)
    run.here()
    steps = steps_of(run)
    path = np.array([step["structure"].frac_coords for step in steps])
    fixed = ~np.asarray(some_fixed)
    assert np.ptp(path, axis=0)[fixed].max() == 0
    assert np.ptp(path, axis=0)[~fixed].min() > 0
    assert temperatures(steps, (~fixed).sum())[0] == pytest.approx(600, abs=0.1)


def test_centre_of_mass_stays_where_it_is(make_run):
    run = make_run(**MD, NSW=20)
    run.here()
    contcar = Poscar.from_file(run / "CONTCAR", check_for_potcar=False)
    masses = np.array(
        [7.010 if site.specie.symbol == "Li" else 63.546 for site in contcar.structure]
    )
    assert np.abs(masses @ np.asarray(contcar.velocities)).max() < 1e-6


def test_nose_mass_goes_with_smass_and_the_square_of_the_lattice_vector():
    # 1 u Å²/fs² = 1.66053907e-27 kg × (1e5 m/s)² = 103.642697 eV
    assert nose_mass(1.0, 1.0) == pytest.approx(103.642697)
    assert nose_mass(2.0, 3.0) == pytest.approx(18 * 103.642697)


def test_thermostat_oscillates_with_its_period():
    """A free thermostat on atoms of fixed kinetic energy near balance swings at its frequency."""
    degrees, target, time_step = 300, 600.0, 0.5
    mass = 2 * degrees * units.kB * target / (2 * np.pi / 80) ** 2
    balance = degrees * units.kB * target / 2
    kinetic, thermostat = 1.001 * balance, Thermostat()
    frictions = []
    for _ in range(160):  # 80 fs, one period
        thermostat, scale = thermostat.damp(kinetic, target, mass, degrees, time_step)
        kinetic *= scale**2
        frictions.append(thermostat.friction)
    assert abs(frictions[-1]) < 0.03 * max(frictions)
    assert abs(frictions[79]) < 0.03 * max(frictions)
    assert np.argmax(frictions) == pytest.approx(39, abs=2)


def test_thermostat_survives_its_text():
    state = Thermostat(friction=-1.234567890123456e-3, work=2.5)
    assert Thermostat.from_poscar(state.to_poscar(2.0)) == state
    assert Thermostat.from_poscar(None) is None
