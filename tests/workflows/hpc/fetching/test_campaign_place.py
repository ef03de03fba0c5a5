from pathlib import PurePosixPath

import pytest

from cuprolith.errors import CuprolithError
from tests.workflows.hpc.submitted import put, submit
from workflows.hpc.fetching.campaign_place import campaign_place


def place(controller, jobs, workdir):
    for db_id in jobs:
        put(controller, db_id, "READY", **{"job.metadata.workdir": workdir})


def test_the_folder_of_its_jobs_and_a_worker(controller):
    place(controller, submit(controller, 2), "/scratch/a")
    place(controller, submit(controller, 1, resource="cpu"), "/scratch/a")
    place(controller, submit(controller, campaign="other"), "/scratch/other")
    submit(controller)  # says nothing
    found = campaign_place(controller, "li-cu")
    assert found[0] == PurePosixPath("/scratch/a")
    assert found[1] in {"dft-small", "cpu"}


def test_several_folders(controller):
    place(controller, submit(controller), "/scratch/a")
    place(controller, submit(controller), "/scratch/b")
    with pytest.raises(CuprolithError, match=r"several folders: /scratch/a, /scratch/b\n.*--from"):
        campaign_place(controller, "li-cu")
    assert campaign_place(controller, "li-cu", "/scratch/b")[0] == PurePosixPath("/scratch/b")
    with pytest.raises(CuprolithError, match="one of: /scratch/a, /scratch/b"):
        campaign_place(controller, "li-cu", "/etc")


def test_no_folder(controller):
    submit(controller)
    with pytest.raises(CuprolithError, match="do not say where"):
        campaign_place(controller, "li-cu")


def test_a_worker_of_another_project(controller):
    jobs = submit(controller)
    place(controller, jobs, "/scratch/a")
    put(controller, jobs[0], "READY", worker="gone")
    with pytest.raises(CuprolithError, match="ran on gone, and project test has no such worker"):
        campaign_place(controller, "li-cu")
