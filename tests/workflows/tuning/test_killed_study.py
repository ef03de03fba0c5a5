"""A study stopped anywhere: the same command ends with the same trials, and no training twice."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
import simulated_trials
from optuna.storages import RDBStorage, _CachedStorage
from simulated_trials import SimulatedTrials, begun, tuning

from analysis.report import study_page
from workflows.tuning import run, steps
from workflows.tuning.run import run_study, write_results
from workflows.tuning.storage import StudyStorage


class Killed(BaseException):
    """What no handler of exceptions stops."""


@pytest.fixture(autouse=True, scope="module")
def no_page():
    """The page of a study is drawn from what is compared here, and is for test_study_page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_page, "write_study_page", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    root = tmp_path_factory.mktemp("undisturbed")
    run_study(begun(root, tuning(generations=2)), SimulatedTrials(fails_from=7.0))
    return left(root)


def left(root):
    """What a study has left: trials without times, front."""
    storage = RDBStorage(f"sqlite:///{root / 'study' / 'study.db'}")
    study = optuna.load_study(study_name=None, storage=storage)
    trials = [
        (trial.number, trial.state, trial.params, trial.values, trial.user_attrs, trial.constraints)
        for trial in study.trials
    ]
    return trials, (root / "study" / "pareto.json").read_bytes()


QUICK = ("in the fourth training",)
# What is called at the moment of the kill, and how often it has been called before. The first
# generation asks for four trials of three parameters each.
MOMENTS = {
    "before any trial": (_CachedStorage, "create_new_trial", 0),
    "when part of a generation is reserved": (_CachedStorage, "create_new_trial", 2),
    "when a trial is taken up": (_CachedStorage, "set_trial_state_values", 1),
    "before the first value": (_CachedStorage, "set_trial_param", 0),
    "between two values of a trial": (_CachedStorage, "set_trial_param", 4),
    "between two trials of the second generation": (_CachedStorage, "set_trial_param", 18),
    "between two values of the second generation": (_CachedStorage, "set_trial_param", 20),
    "before the first training": (SimulatedTrials, "train", 0),
    "in the fourth training": (SimulatedTrials, "train", 3),
    "in a measurement": (SimulatedTrials, "measure", 2),
    "before the result is written": (steps, "write_trial", 7),
    "when one trial is told": (_CachedStorage, "set_trial_state_values", 5),
    "between numbers of a trial told": (_CachedStorage, "set_trial_user_attr", 9),
    "before the front is written": (steps, "write_pareto", 0),
    "before the second front is written": (steps, "write_pareto", 1),
    "before a measurement is written": (steps, "write_trial", 2),
    "before the last result is written": (steps, "write_trial", 15),
}


@pytest.mark.parametrize(
    "moment",
    [moment if moment in QUICK else pytest.param(moment, marks=pytest.mark.slow)
     for moment in MOMENTS],
)  # fmt: skip
def test_stopped_at_any_step_it_ends_as_if_undisturbed(tmp_path, monkeypatch, undisturbed, moment):
    where, name, before = MOMENTS[moment]
    original = getattr(where, name)
    calls = 0

    def killed(*arguments, **keywords):
        nonlocal calls
        calls += 1
        if calls == before + 1:
            raise Killed
        return original(*arguments, **keywords)

    trace = tmp_path / "trace.txt"
    trials = SimulatedTrials(fails_from=7.0, trace=str(trace))
    settings = tuning(generations=2)
    with monkeypatch.context() as patched:
        patched.setattr(where, name, killed)
        with pytest.raises(Killed):
            run_study(begun(tmp_path, settings), trials)
    run_study(begun(tmp_path, settings), trials)
    assert left(tmp_path) == undisturbed
    steps = Counter(tuple(line.split()[:2]) for line in trace.read_text().splitlines())
    assert sum(steps.values()) <= sum(len(s) > 0 for s in steps) + 1  # at most the step killed
    assert sum(step == "train" for step, _ in steps) == 8


class Bar:
    """A progress bar that adds up."""

    def __init__(self):
        self.done = 0

    def advance(self, steps, text=""):
        self.done += steps

    def say(self, text):
        pass


@pytest.mark.parametrize("told", [0, 2])
def test_the_progress_bar_counts_every_trial_once_after_a_kill(tmp_path, monkeypatch, told):
    """Killed while the second generation is told, after which a queue's *judge* has run."""
    folder = begun(tmp_path, tuning(generations=2))
    bars = []

    @contextmanager
    def progress_bar(*_, **__):
        bars.append(Bar())
        yield bars[-1]

    monkeypatch.setattr(run, "progress_bar", progress_bar)
    tell = StudyStorage.tell

    def killed(self, number, *arguments):
        if number == 4 + told:
            raise Killed
        tell(self, number, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(StudyStorage, "tell", killed)
        with pytest.raises(Killed):
            run_study(folder, SimulatedTrials())
    assert write_results(folder).front.n_trials == 4 + told
    run_study(folder, SimulatedTrials())
    assert [bar.done for bar in bars] == [8, 8]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "moments"), [(1, ("measure 2", "train 6 ")), (2, ("train 5 ",))]
)
def test_kill_9_and_again(tmp_path, undisturbed, workers, moments):
    """Killed, in the first generation and the second, and then left alone."""
    command = [sys.executable, simulated_trials.__file__, tmp_path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for line in moments:
        process = subprocess.Popen([*command, "0.25", str(workers)], env=environment)
        wait_for(tmp_path / "trace.txt", line, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run([*command, "0", str(workers)], env=environment, check=True)
    assert left(tmp_path) == undisturbed
    trace = (tmp_path / "trace.txt").read_text().splitlines()
    twice = [step for step, n in Counter(" ".join(x.split()[:2]) for x in trace).items() if n > 1]
    assert len(twice) <= len(moments) * workers


def wait_for(trace: Path, line: str, process: subprocess.Popen):
    end = time.monotonic() + 120
    while not trace.exists() or line not in trace.read_text():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
