import pytest

from cuprolith.errors import CuprolithError
from tests.workflows.hpc.submitted import put, state, submit
from workflows.hpc.doctor import probe_jobs
from workflows.hpc.doctor.probe_jobs import (
    has_ended,
    remove_left_overs,
    remove_probes,
    submit_probe,
    watch_probes,
)
from workflows.hpc.jobs.campaign_jobs import campaign_names


def test_a_probe_goes_before_other_jobs_with_the_worker_s_own_resources(controller):
    probe = submit_probe(controller, "dft-large")
    document = controller.jobs.find_one({"db_id": probe.db_id})
    assert (document["worker"], document["resources"]) == ("dft-large", None)
    assert document["priority"] > 0
    assert document["job"]["function_kwargs"] == {"engines": True, "gpus": None}
    assert not document["exec_config"]  # this project has none


def test_the_exec_config_goes_to_dft_alone(controller):
    from jobflow_remote.config.base import ExecutionConfig

    controller.project.exec_config["vasp"] = ExecutionConfig(pre_run="export VASP_CMD=vasp")
    given = {}
    for worker in ("dft-small", "cpu"):
        probe = submit_probe(controller, worker)
        given[worker] = controller.jobs.find_one({"db_id": probe.db_id})["exec_config"]
    assert given["dft-small"] == "vasp"
    assert not given["cpu"]


def test_it_is_no_campaign(controller):
    submit_probe(controller, "cpu")
    assert campaign_names(controller) == []
    submit(controller, campaign="doctor")
    assert campaign_names(controller) == ["doctor"]


def test_left_overs_are_what_has_the_name_of_a_doctor(controller):
    submit_probe(controller, "cpu")
    put(controller, submit_probe(controller, "dft-small").db_id, "SUBMITTED")
    submit(controller, campaign="doctor")
    assert remove_left_overs(controller) == []
    (job,) = controller.jobs.find()
    assert job["job"]["metadata"]["campaign"] == "doctor"


def test_another_doctor_takes_them_away(controller):
    probe = submit_probe(controller, "cpu")
    remove_left_overs(controller)
    with pytest.raises(CuprolithError, match="by another doctor"):
        watch_probes(controller, [probe], seconds=9)


def test_removed_with_output_and_folder(controller, tmp_path):
    probe = submit_probe(controller, "cpu")
    (other,) = submit(controller)
    folder = tmp_path / "work" / "run"
    folder.mkdir(parents=True)
    (folder / "jfremote_in.json").write_text("{}")
    put(controller, probe.db_id, "COMPLETED", run_dir=str(folder))
    output = {"uuid": probe.uuid, "index": 1, "output": {}}
    controller.jobstore.update([output], key=["uuid", "index"])
    assert remove_probes(controller, [probe.uuid]) == []
    assert not folder.exists()
    assert controller.jobstore.query_one({"uuid": probe.uuid}) is None
    assert controller.flows.count_documents({}) == 1
    assert state(controller, other) == "READY"
    assert remove_probes(controller, [probe.uuid]) == []  # it is no longer there


def test_what_cannot_be_removed_says_so(controller, monkeypatch):
    probe = submit_probe(controller, "cpu")

    def refuse(*_, **__):
        raise RuntimeError("locked")

    monkeypatch.setattr(controller, "delete_flow", refuse)
    (problem,) = remove_probes(controller, [probe.uuid])
    assert "was not removed: locked" in problem.message
    assert problem.remedy == f"jf -p test flow delete --all {probe.uuid}"


def test_it_is_watched_until_it_has_ended(controller, monkeypatch):
    first, second = (submit_probe(controller, worker) for worker in ("cpu", "dft-small"))
    steps = iter(
        [
            lambda: put(controller, first.db_id, "RUNNING"),
            lambda: put(controller, first.db_id, "COMPLETED"),
            lambda: put(controller, second.db_id, "UPLOADED", remote={"error": "no partition"}),
        ]
    )
    monkeypatch.setattr(probe_jobs, "sleep", lambda _: next(steps)())
    standing = watch_probes(controller, [first, second], seconds=60)
    assert [probe.state for probe in standing] == ["COMPLETED", "UPLOADED"]
    assert all(map(has_ended, standing))
    assert next(steps, None) is None


def test_not_longer_than_asked(controller):
    probe = submit_probe(controller, "cpu")
    (standing,) = watch_probes(controller, [probe], seconds=0)
    assert standing.state == "READY"
    assert not has_ended(standing)


@pytest.mark.parametrize(
    ("at", "free"),
    [
        ("READY", True),
        ("SUBMITTED", True),
        ("FAILED", True),
        ("CHECKED_OUT", False),
        ("DOWNLOADED", False),
    ],
)
def test_what_somebody_works_on_is_left_to_them(controller, at, free):
    probe = submit_probe(controller, "cpu")
    put(controller, probe.db_id, at)
    assert remove_probes(controller, [probe.uuid]) == []
    assert (controller.jobs.count_documents({}) == 0) is free
    remove_left_overs(controller)
    assert controller.jobs.count_documents({}) == 0


def test_without_a_runner_nobody_waits_for_the_whole_time(controller, monkeypatch):
    monkeypatch.setattr(probe_jobs, "_RUNNER_SECONDS", 0.2)
    controller.project.runner.delay_checkout = 0.01
    monkeypatch.setattr(probe_jobs, "_POLL_SECONDS", 0.05)
    probe = submit_probe(controller, "cpu")
    (standing,) = watch_probes(controller, [probe], seconds=600)
    assert standing.state == "READY"
