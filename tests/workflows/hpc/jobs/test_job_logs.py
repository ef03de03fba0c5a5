from tests.workflows.hpc.submitted import put, submit
from workflows.hpc.jobs.campaign_jobs import find_job
from workflows.hpc.jobs.job_logs import job_logs


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def logs_of(controller, db_id, **options):
    return job_logs(controller, find_job(controller, db_id), **options)


def test_the_ends_of_all_logs_queue_first(controller, tmp_path):
    (db_id,) = submit(controller)
    folder = tmp_path / "it's; a $HOME run"
    out = write(folder / "queue.out", "\n".join(map(str, range(100))))
    err = write(folder / "queue.err", "slurmstepd: killed\n")
    engine = write(folder / "vasp" / "vasp.out", "DAV: 1\n")
    log = write(folder / "a log.log", "x" * 5000)
    write(folder / "POSCAR", "no log")
    write(folder / "empty.log", "")
    put(controller, db_id, "FAILED", error="Traceback\nOSError: no", run_dir=str(folder))
    logs = logs_of(controller, db_id, lines=2)
    assert [tail.path for tail in logs.files] == [out, err, engine, log]
    assert logs.files[0].text == "98\n99"
    assert len(logs.files[3].text) == 400
    assert logs.error == "Traceback\nOSError: no"
    assert logs.unreachable == ""


def test_the_engine_s_folder_in_the_workdir(controller, tmp_path):
    (db_id,) = submit(controller)
    workdir = tmp_path / "campaign"
    custodian = write(workdir / "labels/runs/vasp/slab-1/relax/custodian.json", "[]")
    write(workdir / "labels/runs/vasp/slab-2/relax/custodian.json", "[]")
    out = write(tmp_path / "run" / "queue.out", "hello")
    put(
        controller,
        db_id,
        "FAILED",
        run_dir=str(tmp_path / "run"),
        **{"job.metadata.workdir": str(workdir), "job.metadata.structure_id": "slab-1"},
    )
    assert [tail.path for tail in logs_of(controller, db_id).files] == [out, custodian]


def test_a_folder_that_is_gone(controller, tmp_path):
    (db_id,) = submit(controller)
    kept = {"remote.queue_err": "slurmstepd: killed", "remote.error": "Remote error: no route"}
    put(controller, db_id, "REMOTE_ERROR", run_dir=str(tmp_path / "gone"), **kept)
    logs = logs_of(controller, db_id)
    assert "cannot be read" in logs.unreachable
    assert [tail.text for tail in logs.files] == ["slurmstepd: killed"]
    assert logs.transfer_error == "Remote error: no route"


def test_a_worker_that_the_project_no_longer_has(controller, tmp_path):
    (db_id,) = submit(controller)
    put(controller, db_id, "FAILED", worker="gone", run_dir=str(tmp_path))
    assert "gone" in logs_of(controller, db_id).unreachable


def test_a_job_that_has_not_started(controller):
    (db_id,) = submit(controller)
    logs = logs_of(controller, db_id)
    assert logs.files == []
    assert "not been sent" in logs.unreachable
