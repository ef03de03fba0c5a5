"""The race's own physics against known values, its times, and that it resumes."""

import json
import sys
from functools import partial
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from tests.benchmarks.race import physics
from tests.benchmarks.race.commands import Peer
from tests.benchmarks.race.errors import errors
from tests.benchmarks.race.processor_time import run_measured
from tests.benchmarks.race.race import Race, length_for
from tests.benchmarks.race.record import RaceRecord, read_records
from tests.benchmarks.race.table import tables


@pytest.fixture(scope="module")
def copper():
    """Lattice constant, bulk modulus and energy per atom of EMT's copper."""
    return physics.equation_of_state("Cu", "fcc", 3.5, EMT())


def test_emt_copper(copper):
    a, modulus, energy = copper
    assert a == pytest.approx(3.590, abs=0.005)
    h = 0.001  # B = V E''(V) = a² E''(a) / 9V, by finite differences
    energies = [bulk("Cu", a=a + step) for step in (-h, 0, h)]
    for atoms in energies:
        atoms.calc = EMT()
    low, mid, high = (atoms.get_potential_energy() for atoms in energies)
    by_hand = a**2 * (high - 2 * mid + low) / h**2 / (9 * a**3 / 4) / physics.GPa
    assert modulus == pytest.approx(by_hand, rel=0.02)
    assert energy == pytest.approx(mid, abs=1e-4)


def test_surfaces_are_ordered_and_vacancies_cost_energy(copper):
    a, _, energy = copper
    gamma = {
        plane: physics.surface_energy(partial(build, "Cu", a=a), energy, EMT())
        for plane, build in physics._BUILDERS["fcc"].items()
    }
    assert 0 < gamma["111"] < gamma["100"] < gamma["110"] < 3
    assert 0.5 < physics.vacancy_energy("Cu", "fcc", a, energy, EMT()) < 2
    assert physics.adsorption_energy("Cu", a, energy, EMT()) > 0  # less bound than in the crystal


def test_a_potential_without_a_crystal_gives_no_numbers():
    class Attraction(EMT):
        def get_potential_energy(self, atoms=None, force_consistent=False):
            return atoms.get_volume()  # smaller is always better

    assert np.isnan(physics.equation_of_state("Cu", "fcc", 3.6, Attraction())).all()


def test_errors_of_the_labels_themselves_are_zero(tmp_path):
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    atoms.info["family"] = "bulk"
    atoms.calc = EMT()
    atoms.get_forces()
    ase.io.write(tmp_path / "test.extxyz", atoms)
    found = errors(tmp_path / "test.extxyz", EMT())["groups"]
    assert set(found) == {"all", "bulk, Cu"}
    assert found["all"]["force_mae"] < 1e-4
    assert found["all"]["energy_mae"] < 1e-4
    stiffer = EMT(asap_cutoff=True)
    assert errors(tmp_path / "test.extxyz", stiffer)["groups"]["all"]["force_mae"] > 0.1


def test_lengths_follow_from_two_short_trainings():
    def seconds(length):
        return 7 + 0.5 * length

    trials = [(length, seconds(length)) for length in (10, 20)]
    assert length_for(seconds(50.5), *trials) == 50
    assert length_for(3, *trials) == 1


def test_processor_time_includes_children(tmp_path):
    busy = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    assert 0.3 < run_measured([sys.executable, "-c", child], tmp_path) < 1.0
    with pytest.raises(RuntimeError, match="no such name"):
        run_measured([sys.executable, "-c", "raise SystemExit('no such name')"], tmp_path)


@pytest.fixture
def race(tmp_path, monkeypatch):
    """A race of a program that writes its length, judged by errors that fall with it."""
    dataset = tmp_path / "dataset"
    dataset.mkdir()
    (dataset / "train.extxyz").write_text("frames")
    trained = []

    def command(task, _):
        trained.append(task.length)
        return [sys.executable, "-c", f"open('model', 'w').write('{task.length}')"]

    def judge(self, kind, model, *, foreign):
        errors = {"n_frames": 1, "energy_mae": 1.0, "force_mae": 100 / int(model.read_text() or 1)}
        return {"groups": {"all": errors}, "milliseconds_per_atom": 1, "physics": {"a(Cu)": 3.6}}

    monkeypatch.setattr(Race, "_judge", judge)
    monkeypatch.setattr("tests.benchmarks.race.race.length_for", lambda budget, *_: int(budget))
    race = Race(dataset, tmp_path / "records", "python")
    (tmp_path / "records").mkdir()
    (tmp_path / "records/reference.json").write_text(json.dumps({"physics": {"a(Cu)": 3.58}}))
    return race, Peer("counter", command, "model", "counter"), trained


def test_what_is_recorded_is_not_trained_again(race):
    race, peer, trained = race
    race.run([peer], [5, 10], [1])
    assert trained == [1, 3, 5, 10]  # two short ones first
    race.run([peer], [5, 10], [1, 2])
    assert trained == [1, 3, 5, 10, 5, 10]
    (race.folder / "counter-5s-seed-1.json").write_text("cut off")
    race.run([peer], [5], [1])
    assert trained[6:] == [5]
    (race.dataset / "train.extxyz").write_text("other frames")
    race.run([peer], [5], [1])
    assert trained[7:] == [5]
    table = tables(read_records(race.folder), race.reference())
    assert "| counter | 5 |" in table
    assert "| 2 | 20.0 ± 0.0 | 1.0 ± 0.0 |" in table
    assert "| a(Cu) | 3.580 | 3.600 ± 0.000 | 3.600 ± 0.000 |" in table


def test_numbers_that_are_not_finite_are_kept(tmp_path):
    record = RaceRecord(peer="x", budget=1, seed=1, seconds=1, length=1, counts="epochs",
                        dataset="", groups={"all": {"force_mae": float("inf")}},
                        milliseconds_per_atom=1, physics={"a": float("nan")})  # fmt: skip
    record.write(tmp_path)
    assert np.isnan(read_records(Path(tmp_path))[0].physics["a"])
