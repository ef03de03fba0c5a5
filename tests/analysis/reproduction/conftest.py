import pytest
from paper_samples import store_run, write_inputs

from analysis.reproduction.published import load_published
from analysis.reproduction.runs import PlannedRun, read_run


@pytest.fixture
def published(tmp_path):
    return load_published(write_inputs(tmp_path / "inputs") / "results.yaml")


@pytest.fixture
def run_of(tmp_path):
    """Store a run as `store_run` does, and read it; without errors it has not begun."""

    def make(dataset, variant, seed, forces_mae=None, *, epochs_of_paper=2, problem="", **stored):
        folder = tmp_path / f"{dataset}-{variant}" / f"seed-{seed}"
        if forces_mae is not None:
            store_run(folder, forces_mae, **stored)
        plan = PlannedRun(dataset, variant, seed, folder, 2, epochs_of_paper, problem)
        return read_run(plan)

    return make
