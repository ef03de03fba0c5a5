import pytest

from tests.workflows.hpc.submitted import put
from workflows.hpc.doctor.probe_jobs import submit_probe
from workflows.hpc.doctor.unfinished_probe import explain_probe
from workflows.hpc.jobs.campaign_jobs import find_job

TRACEBACK = "Traceback (most recent call last):\n x\n"


@pytest.fixture
def said(controller):
    """Return what is said of a job that stands in some way."""

    def say(state, *, seconds=600, **values):
        probe = submit_probe(controller, "cpu")
        put(controller, probe.db_id, state, **values)
        return explain_probe(controller, find_job(controller, probe.db_id), seconds=seconds)

    return say


def test_what_the_scheduler_refuses_is_a_failure_at_once(said):
    check = said("UPLOADED", **{"remote.error": "RemoteError: sbatch: invalid partition x\n..."})
    assert check.status == "missing"
    assert check.found == "the step after UPLOADED failed: RemoteError: sbatch: invalid partition x"
    result = "RemoteError: SubmissionResult(exit_code=1, stdout='', stderr='sbatch: no x\\n', y=1)"
    check = said("UPLOADED", **{"remote.error": result})
    assert check.found == "the step after UPLOADED failed: sbatch: no x"
    check = said("REMOTE_ERROR", previous_state="CHECKED_OUT", **{"remote.error": "no route"})
    assert "the step after CHECKED_OUT failed: no route" in check.found


def test_a_python_without_cuprolith(said):
    error = f"{TRACEBACK}RuntimeError: The function in the Job could not be deserialized: x"
    check = said("FAILED", error=error)
    assert "no Cuprolith that knows this check" in check.found
    assert check.remedy.startswith("install Cuprolith")


def test_a_job_script_that_failed_says_where(said, tmp_path):
    line = "cuprolith: this line of the job script failed: module load vasp"
    (tmp_path / "queue.err").write_text(f"warning\n{line}\nslurmstepd: end\n")
    check = said("FAILED", error="The process was killed", run_dir=str(tmp_path))
    assert check.found.endswith(f"The process was killed; queue.err: {line}")
    assert "`environment`" in check.remedy


def test_the_runner_does_not_take_it_up(said):
    check = said("READY", seconds=600)
    assert check.status == "missing"
    assert "jf -p test runner start" in check.remedy
    assert said("READY", seconds=5).status == "note"


def test_waiting_in_the_queue_is_no_failure(said):
    check = said("SUBMITTED")
    assert check.status == "note"
    assert check.found == "not yet known after 600 s: waits in the queue"
    assert check.remedy.startswith("cuprolith logs 1 --project test,")


def test_what_runs_or_waits_for_a_place_is_not_known_yet(said, controller):
    assert "runs" in said("RUNNING").found
    assert "on its way (UPLOADED)" in said("UPLOADED").found
    controller.project.workers["cpu"].max_jobs = 3
    assert "the worker runs 3 jobs at a time" in said("UPLOADED").found
