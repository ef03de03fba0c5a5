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
    "tests/test_quickstart.py",
    "tests/workflows/hpc/test_faults_on_dev_cluster.py",
    "tests/workflows/hpc/test_tutorial.py",
    "tests/training/test_deployment.py",
    "tests/workflows/test_vasp_campaign.py",
    "tests/training/test_trainer.py",
    "tests/training/tuning/test_trial_measurement.py",
    "tests/training/tuning/test_trial_training.py",
    "tests/training/test_predict.py",
    "tests/training/test_several_devices.py",
    "tests/workflows/cli/test_tune.py",
    "tests/workflows/hpc/doctor/test_doctor_on_dev_cluster.py",
    "tests/workflows/hpc/submission/test_stage_jobs.py",
    "tests/workflows/hpc/setup/test_on_dev_cluster.py",
    "tests/workflows/tuning/test_killed_study.py",
    "tests/workflows/test_damaged_workdir.py",
    "tests/training/models/test_builders_train_time_compile.py",
    "tests/training/sources/test_molecule_trainings.py",
    "tests/workflows/cli/test_train_file.py",
    "tests/workflows/tuning/test_study_flow.py",
]


# What collection imports is no garbage; to look for some takes seconds of each process.
gc.disable()


def pytest_collection_finish():
    gc.enable()


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.fixture(autouse=True, scope="module")
def torch_default_dtype():
    """No test leaves another default precision to those that follow; NequIP sets double."""
    yield
    if torch := sys.modules.get("torch"):
        assert torch.get_default_dtype() == torch.float32
