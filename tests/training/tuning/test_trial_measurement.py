"""Models are measured before they are trained, in a process of their own."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from ase.build import bulk

from training.errors import TrainingError
from training.nequip_runs.child_process import python_command
from training.nequip_runs.nequip_config import BEST_CHECKPOINT
from training.sources.dataset import DatasetSource
from training.tuning import measuring_process
from training.tuning.compiled_models import compiled_file, settings_with_same_code
from training.tuning.inference_time import fastest_round, spread
from training.tuning.search_spaces import applied
from training.tuning.settings import InferenceSettings, LimitSettings
from training.tuning.trial import TrialMeasurements
from training.tuning.trial_measurement import measure_model, with_stability
from training.variants.nequip import NequIPSettings, NequIPTraining

EAGER = InferenceSettings(compiled=False, n_atoms=32, warm_up=2, repeats=5)


@pytest.fixture
def source(emt_dataset):
    return DatasetSource(emt_dataset)


@pytest.fixture(scope="module")
def untrained(emt_dataset, small_settings, tmp_path_factory):
    """Measurements of an untrained model, the folder for compiled ones, and the number of runs.

    The first run is killed.
    """
    folder = tmp_path_factory.mktemp("compiled")
    runs = []
    run = measuring_process._run

    def killed_first(folder):
        runs.append(folder)
        if len(runs) > 1:
            return run(folder)
        there = {child.pid for child in psutil.Process().children()}
        killer = threading.Thread(target=kill_new_children, args=[there])
        killer.start()
        return run(folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring_process, "_run", killed_first)
        source = DatasetSource(emt_dataset)
        measured = measure_model(small_settings, source, EAGER, "cpu", folder)
    return measured, folder, len(runs)


def kill_new_children(there):
    """Kill those that were not there before: a database of other tests may be one."""
    while not (new := [each for each in psutil.Process().children() if each.pid not in there]):
        time.sleep(0.01)
    for child in new:
        os.kill(child.pid, signal.SIGKILL)


@pytest.mark.slow
def test_an_untrained_model_is_measured_as_asked(untrained):
    measured, folder, _ = untrained
    assert measured.failure is None
    time_ = measured.inference
    assert (time_.compiled, time_.repeats, time_.device) == (False, 5, "cpu")
    assert 32 <= time_.n_atoms <= 64
    assert 10 * time_.n_atoms < time_.n_edges < 80 * time_.n_atoms
    assert 1e-6 < time_.per_atom_seconds < 1e-2
    assert 0 < measured.peak_memory_bytes < 2**30
    assert measured.cost.flops_per_atom > 0
    assert measured.energy_drift is None
    assert list(folder.iterdir()) == []


class EnergiesAlone(DatasetSource):
    has_forces = False


@pytest.mark.slow
def test_without_forces_energies_alone_are_measured(
    untrained, emt_dataset, small_settings, tmp_path
):
    source = EnergiesAlone(emt_dataset)
    measured = measure_model(small_settings, source, EAGER, "cpu", tmp_path)
    assert measured.failure is None
    assert measured.cost.flops_per_atom < untrained[0].cost.flops_per_atom / 1.5


@pytest.mark.slow
def test_a_model_that_does_not_fit_is_a_failure_with_its_reason(
    source, small_settings, tmp_path, monkeypatch
):
    def in_little_memory(module, call):
        limited = 'ulimit -v 5000000 && exec "$@"'  # kB; torch itself takes half of it
        return ["sh", "-c", limited, "sh", *python_command(module, call)]

    monkeypatch.setattr(measuring_process, "python_command", in_little_memory)
    widest = {"model.edge_mlp_width": 16384, "model.num_scalar_features": 16384}
    huge = applied(small_settings, widest)
    measured = measure_model(huge, source, EAGER, "cpu", tmp_path)
    assert measured.inference is None
    assert measured.failure.startswith("measure: RuntimeError: ")
    assert "memory" in measured.failure


@pytest.mark.slow
def test_a_missing_device_is_no_failure_of_the_model(source, small_settings, tmp_path):
    with pytest.raises(TrainingError, match=r"What to do: .*`cpu`"):
        measure_model(small_settings, source, EAGER, "cuda:9", tmp_path)


@pytest.mark.parametrize("symptom", ["No space left on device", "InvalidCxxCompiler: g++"])
def test_what_fails_all_models_alike_is_raised(
    source, small_settings, tmp_path, monkeypatch, symptom
):
    monkeypatch.setattr(measuring_process, "_run", lambda folder: written(folder, symptom, 1))
    with pytest.raises(TrainingError, match="What to do"):
        measure_model(small_settings, source, EAGER, "cpu", tmp_path)


def test_stability_needs_a_limit_and_a_trained_model(source, tmp_path):
    measured, limits = TrialMeasurements(), LimitSettings(energy_drift=1e-3)
    assert with_stability(measured, tmp_path, source, limits, "cpu") == measured
    (tmp_path / BEST_CHECKPOINT).touch()
    assert with_stability(measured, tmp_path, source, LimitSettings(), "cpu") == measured


@pytest.mark.slow
def test_a_checkpoint_that_cannot_be_used_is_a_failure(source, tmp_path):
    (tmp_path / BEST_CHECKPOINT).write_bytes(b"cut short")
    limits = LimitSettings(energy_drift=1e-3)
    failed = with_stability(TrialMeasurements(failure="slow"), tmp_path, source, limits, "cpu")
    assert failed.failure.startswith("slow; drift: ")
    assert failed.energy_drift is None


@pytest.mark.slow
def test_trained_models_are_measured_and_run(untrained, source, trained):
    folder = trained[0]
    limits = LimitSettings(energy_drift=1e-3)
    names = sorted(path.name for path in folder.iterdir())
    measured = with_stability(untrained[0], folder, source, limits, "cpu")
    assert measured.failure is None
    assert measured.inference == untrained[0].inference
    assert 0 < measured.energy_drift < 1e-3
    assert sorted(path.name for path in folder.iterdir()) == names


@pytest.mark.slow
def test_compiled_models_serve_all_trials_with_the_same_code(source, tmp_path):
    """Of NequIP's own variant, which test_deployment does not compile."""
    inference = InferenceSettings(n_atoms=32, warm_up=2, repeats=5)
    model = NequIPSettings(r_max=4.5, l_max=1, num_layers=1, num_features=4, radial_mlp_width=4)
    settings = NequIPTraining(model=model)
    first = measure_model(settings, source, inference, "cpu", tmp_path)
    assert (first.failure, first.inference.compiled) == (None, True)
    assert first.compile_seconds > 1
    wider = settings.model_copy(
        update={"model": model.model_copy(update={"r_max": 6.0}), "learning_rate": 1e-4}
    )
    second = measure_model(wider, source, inference, "cpu", tmp_path)
    assert second.compile_seconds is None
    assert second.inference.n_edges > 1.5 * first.inference.n_edges
    assert second.inference.per_atom_seconds > first.inference.per_atom_seconds
    (compiled,) = tmp_path.glob("*.nequip.pt2")
    assert_agrees_with_eager(compiled, settings)


def assert_agrees_with_eager(path, settings):
    from nequip.model.inference_models import load_compiled_model
    from nequip.utils.dtype import torch_default_dtype
    from nequip.utils.global_state import set_global_state

    from training.tuning.untrained_model import model_input, untrained_model

    symbols = ("Al", "Cu")
    atoms = bulk("Cu", a=3.7, cubic=True)
    atoms.symbols[0] = "Al"
    atoms.rattle(0.1, seed=1)
    with torch_default_dtype(torch.float64):
        set_global_state()
        eager = untrained_model(settings_with_same_code(settings), symbols, has_forces=True)
        compiled, _ = load_compiled_model(str(path), "cpu")
        expected, found = (
            model(model_input(atoms, symbols, settings.model.r_max)) for model in (eager, compiled)
        )
    for name in ("total_energy", "forces", "stress"):
        torch.testing.assert_close(
            found[name].detach(), expected[name].detach(), rtol=1e-4, atol=1e-5
        )


def test_what_decides_the_code_decides_the_compiled_file(small_settings):
    def file(training=small_settings, symbols=("Al", "Cu"), device="cpu", has_forces=True):
        return compiled_file(Path(), training, symbols, device, has_forces=has_forces)

    def changed(**update):
        model = small_settings.model.model_copy(update=update)
        return small_settings.model_copy(update={"model": model})

    same = changed(r_max=6.2)
    assert file(same) == file()
    assert file(changed(polynomial_cutoff_p=7.3)) == file(changed(polynomial_cutoff_p=8.9))
    others = [
        file(changed(num_layers=2)),
        file(changed(polynomial_cutoff_p=7.0)),
        file(changed(polynomial_cutoff_p=7.3)),
        file(small_settings.model_copy(update={"dtype": "float64"})),
        file(symbols=("Cu",)),
        file(device="cuda"),
        file(has_forces=False),
    ]
    assert len({file(), *others}) == 1 + len(others)


@pytest.mark.slow
def test_a_killed_measurement_is_repeated_once(untrained):
    measured, _, n_runs = untrained
    assert n_runs == 2
    assert measured.failure is None


def test_too_little_memory_is_a_failure(source, small_settings, tmp_path, monkeypatch):
    monkeypatch.setattr(
        measuring_process, "_run", lambda folder: written(folder, "", -signal.SIGKILL)
    )
    measured = measure_model(small_settings, source, EAGER, "cpu", tmp_path)
    assert measured.failure == (
        "measure: the process was killed by SIGKILL, perhaps because of too little memory"
    )


def written(folder, log, code):
    (folder / "log").write_text(log)
    return code


def test_the_fastest_round_counts():
    calls = iter(range(10_000))

    def call():
        time.sleep(0.02 if next(calls) < 10 else 0.002)  # another program, for two rounds

    seconds = fastest_round(call, repeats=5)
    assert len(seconds) == 5
    assert np.median(seconds) < 0.01


def test_a_measurement_ends_on_a_busy_machine():
    started = time.perf_counter()
    random = np.random.default_rng(0)
    fastest_round(lambda: time.sleep(random.choice([0.001, 0.01])), repeats=5, longest_seconds=0.5)
    assert time.perf_counter() - started < 2


def test_spread_is_the_interquartile_range_over_the_median():
    assert spread(np.array([1.0, 2.0, 3.0, 4.0, 5.0])) == pytest.approx(2 / 3)
    assert spread(np.full(5, 2.0)) == 0
