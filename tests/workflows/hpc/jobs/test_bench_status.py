"""Time of a status of 10,000 jobs, of the whole command too, beside that of listing them
through jobflow-remote.

``pytest tests/workflows/hpc/jobs/test_bench_status.py --benchmark-enable`` measures; without the
option the same code runs once, with fewer jobs, and is checked.
"""

import json
import os
import subprocess
import sys
import uuid

import pytest

from tests.workflows.hpc.submitted import put, submit
from workflows.hpc.jobs.status import campaign_status

FAILED_EVERY = 50


@pytest.fixture
def n_jobs(request):
    return 10_000 if request.config.getoption("--benchmark-enable") else 500


@pytest.fixture
def filled(controller, n_jobs):
    (first,) = submit(controller)
    put(controller, first, "COMPLETED")
    document = controller.jobs.find_one({"db_id": first})
    del document["_id"]
    states = {0: "FAILED", 1: "RUNNING", 2: "READY"}
    copies = [
        {
            **document,
            "db_id": str(number),
            "uuid": str(uuid.uuid4()),
            "state": states.get(number % FAILED_EVERY, "COMPLETED"),
        }
        for number in range(10, n_jobs + 9)
    ]
    for start in range(0, len(copies), 1000):
        controller.jobs.insert_many(copies[start : start + 1000])
    return controller


@pytest.mark.slow
@pytest.mark.benchmark(group="status of 10,000 jobs")
def test_status(benchmark, filled, n_jobs):
    standing = benchmark(campaign_status, filled, "li-cu")
    (stage,) = standing.stages
    assert stage.done + stage.left + stage.failed == n_jobs
    assert standing.n_failed == n_jobs // FAILED_EVERY


@pytest.mark.slow
@pytest.mark.benchmark(group="status of 10,000 jobs")
def test_the_whole_command(benchmark, filled, n_jobs, tmp_path):
    """From the start of the process to its end."""
    command = [sys.executable, "-c", "from workflows.cli.main import main; main()", "status"]
    environment = os.environ | {"JFREMOTE_PROJECTS_FOLDER": str(tmp_path / "projects")}

    def asked():
        given = [*command, "li-cu", "-p", "test", "--json"]
        return subprocess.run(given, env=environment, stdout=subprocess.PIPE, check=True).stdout

    assert json.loads(benchmark(asked))["n_failed"] == n_jobs // FAILED_EVERY


@pytest.mark.benchmark(group="status of 10,000 jobs")
def test_listing_by_jobflow_remote(benchmark, n_jobs, request):
    if not request.config.getoption("--benchmark-enable"):
        pytest.skip("a peer, of interest beside ours only")
    filled = request.getfixturevalue("filled")
    listed = benchmark(filled.get_jobs_info, metadata={"campaign": "li-cu"})
    assert len(listed) == n_jobs
