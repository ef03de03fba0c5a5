"""`fetch` as a person gives it."""

import pytest
from typer.testing import CliRunner

from cuprolith.lock import workdir_lock
from tests.workflows.hpc.campaign_on_cluster import (
    LABEL_RESULT,
    RESULTS,
    names_in,
    write,
    write_campaign,
)
from tests.workflows.hpc.submitted import put, submit
from workflows.cli.main import app


@pytest.fixture
def there(tmp_path):
    """The campaign's folder on the cluster."""
    return tmp_path / "cluster" / "li-cu"


@pytest.fixture
def jobs(controller, there, tmp_path, monkeypatch):
    """The jobs of the one campaign in the one project that the command finds."""
    import jobflow_remote

    monkeypatch.setattr(jobflow_remote.SETTINGS, "projects_folder", str(tmp_path / "projects"))
    monkeypatch.setattr(jobflow_remote.SETTINGS, "project", None)
    monkeypatch.setenv("COLUMNS", "100")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    found = submit(controller, 2)
    for db_id in found:
        put(controller, db_id, "READY", **{"job.metadata.workdir": str(there)})
    put(controller, found[0], "COMPLETED")
    return found


def give(*arguments):
    return CliRunner().invoke(app, ["fetch", *map(str, arguments)])


def told(result):
    return " ".join((result.stdout + result.stderr).split())


def test_a_running_campaign_and_then_the_rest(jobs, there, tmp_path):
    result = give()
    assert result.exit_code == 1
    assert "the campaign's folder is not on the cluster" in told(result)

    early = [name for name in RESULTS if not name.startswith(("training", "report"))]
    write_campaign(there, early)
    result = give()
    assert result.exit_code == 0, told(result)
    assert f"fetched {len(early)} files" in told(result)
    assert "dataset/: 2 files, 62 bytes" in told(result)
    assert "no training, report yet: label: 1 of 2 jobs are done" in told(result)
    assert "→ open" not in told(result)

    write_campaign(there)
    result = give("li-cu", "--labels", "--project", "test")
    assert f"{len(early)} were here already" in told(result)
    assert "→ open campaigns/li-cu/report/index.html" in told(result)
    assert " yet" not in told(result)
    home = tmp_path / "home" / "campaigns" / "li-cu"
    assert names_in(home) == sorted([*RESULTS, LABEL_RESULT])
    assert f"all {len(RESULTS)} files were here already" in told(give())


def test_another_folder_and_what_is_kept(jobs, there, tmp_path):
    write_campaign(there)
    home = tmp_path / "else where"
    write(home, "timings.json", "mine")
    result = give("--to", home)
    assert "kept, since they differ and were not fetched: timings.json" in told(result)
    assert (home / "timings.json").read_text() == "mine"
    result = give("--to", home, "--force", "--all")
    assert (home / "timings.json").read_text() != "mine"
    assert not (home / "labels" / "runs").exists()


def test_what_is_left_there_is_told(jobs, there):
    write_campaign(there, ["timings.json"])
    (there / "report").mkdir()
    (there / "report" / "index.html").symlink_to("/etc/passwd")
    assert "not fetched, 1 × is a link or a special file: report/index.html" in told(give())


def test_nothing_yet(jobs, there):
    there.mkdir(parents=True)
    assert "nothing to fetch yet" in told(give())


def test_a_folder_in_which_another_process_works(jobs, there, tmp_path):
    write_campaign(there)
    with workdir_lock(tmp_path / "home"):
        assert give("--to", tmp_path / "home").exit_code == 1


def test_a_name_that_is_no_folder_s(controller, jobs, there):
    write_campaign(there)
    for db_id in jobs:
        put(controller, db_id, "READY", **{"job.metadata.campaign": "../../etc"})
    result = give("../../etc")
    assert result.exit_code == 1
    assert "cannot be the name of a folder" in told(result)
