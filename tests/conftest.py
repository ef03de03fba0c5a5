import gc
import os
import sys

import hypothesis
import pytest

# pytest-xdist's processes have a width, to which rich's consoles would be fixed as they are made.
os.environ.pop("COLUMNS", None)

# Machines that run two test processes are slow at times, which says nothing of a test.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")

# The files that take longest, first: processes that share the files then end together.
LONGEST = [
    "test_quickstart.py",
    "test_faults_on_dev_cluster.py",
    "test_tutorial.py",
    "test_deployment.py",
    "test_extend_in_a_queue.py",
    "test_extend.py",
    "test_vasp_campaign.py",
    "test_trial_measurement.py",
    "test_killed_study.py",
    "test_doctor_on_dev_cluster.py",
    "test_several_devices.py",
    "test_trainer.py",
    "test_lost_jobs.py",
    "test_study_flow.py",
    "test_tune.py",
    "test_damaged_workdir.py",
    "test_builders_train_time_compile.py",
    "test_bad_cases.py",
    "test_cluster.py",
    "test_runner.py",
    "test_submit.py",
    "test_lattice_constants.py",
    "test_stage_jobs.py",
    "test_static_campaign.py",
    "test_rehearsal_faults.py",
    "test_data_loaders.py",
    "test_on_dev_cluster.py",
    "test_train_file.py",
    "test_molecule_trainings.py",
]


def pytest_configure(config):
    """Measure all benchmarks, those that are slow too."""
    if config.option.benchmark_enable and config.option.markexpr == "not slow":
        config.option.markexpr = ""


def pytest_xdist_auto_num_workers(config):
    """Return a process for each core, with a thread each; where paths are given, just this one."""
    if config.args_source != pytest.Config.ArgsSource.TESTPATHS:
        return 0
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return os.cpu_count()


# What collection imports is no garbage; to look for some, then or later, takes seconds.
gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(autouse=True, scope="module")
def torch_default_dtype():
    """No test leaves another default precision to those that follow; NequIP sets double."""
    yield
    if torch := sys.modules.get("torch"):
        assert torch.get_default_dtype() == torch.float32
