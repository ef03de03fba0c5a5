import pytest

from tests.workflows.hpc.submitted import put, submit
from workflows.hpc.doctor import probe_jobs
from workflows.hpc.doctor.probe import examine_node
from workflows.hpc.doctor.probe_jobs import submit_probe
from workflows.hpc.doctor.run_checks import round_trip

WORKERS = ("dft-small", "dft-large", "cpu")


@pytest.fixture
def trip(controller, monkeypatch, tmp_path):
    """A round trip that `act` accompanies at each look; return its checks."""
    monkeypatch.delenv("VASP_CMD", raising=False)
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)

    def go(act, *, seconds=60):
        monkeypatch.setattr(probe_jobs, "sleep", lambda _: act())
        checks = []
        round_trip(controller, WORKERS, checks.append, seconds=seconds, gpus=0)
        return {check.subject: check for check in checks}

    return go


def complete(controller, tmp_path, **changes):
    for job in list(controller.jobs.find({"state": "READY"})):
        wanted = job["job"]["function_kwargs"]
        document = {
            "uuid": job["uuid"],
            "index": 1,
            "output": examine_node(job["worker"], str(tmp_path), **wanted) | changes,
        }
        controller.jobstore.update([document], key=["uuid", "index"])
        put(controller, job["db_id"], "COMPLETED")


def left(controller):
    return sorted(job["worker"] for job in controller.jobs.find())


def test_there_and_back(controller, trip, tmp_path):
    found = trip(lambda: complete(controller, tmp_path))
    assert [found[f"job on {name}"].status for name in WORKERS] == ["ok"] * 3
    # what is the same on several workers is said once
    assert found["VASP on dft-small, dft-large"].status == "note"
    assert left(controller) == []
    assert controller.flows.count_documents({}) == 0
    assert controller.jobstore.count() == 0


def test_another_version_fails(controller, trip, tmp_path):
    found = trip(lambda: complete(controller, tmp_path, cuprolith="0.0.1"))
    assert {check.status for check in found.values()} == {"missing"}
    assert left(controller) == []


def test_what_waits_in_the_queue_stays_there(controller, trip):
    def act():
        for job in controller.jobs.find({"worker": "cpu"}):
            put(controller, job["db_id"], "SUBMITTED")
        for job in controller.jobs.find({"worker": "dft-large"}):
            put(controller, job["db_id"], "FAILED", error="OSError: no")

    found = trip(act, seconds=0.5)
    assert found["job on cpu"].status == found["job on dft-small"].status == "note"
    assert "waits in the queue" in found["job on cpu"].found
    assert "OSError: no" in found["job on dft-large"].found
    # nobody has taken up what is for dft-small
    assert left(controller) == ["cpu"]


def test_ctrl_c_leaves_nothing(controller, trip):
    submit(controller)

    def act():
        for job in controller.jobs.find({"worker": "cpu"}):
            put(controller, job["db_id"], "SUBMITTED")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trip(act)
    (job,) = controller.jobs.find()
    assert job["job"]["name"] == "label"


@pytest.mark.parametrize("at", ["READY", "SUBMITTED", "RUNNING", "REMOTE_ERROR", "COMPLETED"])
def test_what_a_killed_doctor_left_is_removed(controller, trip, tmp_path, at):
    put(controller, submit_probe(controller, "cpu").db_id, at)
    found = trip(lambda: complete(controller, tmp_path))
    assert found["job on cpu"].status == "ok"
    assert left(controller) == []


def test_what_cannot_be_removed_is_told_and_hinders_nobody(controller, trip, tmp_path, monkeypatch):
    submit_probe(controller, "cpu")

    def refuse(*_, **__):
        raise RuntimeError("locked")

    monkeypatch.setattr(controller, "delete_flow", refuse)
    found = trip(lambda: complete(controller, tmp_path))
    assert found["job on cpu"].status == "ok"
    assert "locked" in found["clean-up"].found
