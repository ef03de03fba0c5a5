import pytest

from cuprolith.errors import CuprolithError
from tests.workflows.hpc.submitted import submit
from workflows.hpc.jobs.job_database import jf_command, opened_database


@pytest.fixture
def projects(project, tmp_path, monkeypatch):
    import jobflow_remote

    monkeypatch.setattr(jobflow_remote.SETTINGS, "projects_folder", str(tmp_path / "projects"))
    monkeypatch.setattr(jobflow_remote.SETTINGS, "project", None)
    return tmp_path / "projects"


def test_a_project_s_database(controller, projects):
    submit(controller)
    with opened_database("test") as opened:
        assert opened.count_jobs({}) == 1
        assert jf_command(opened, "job", "info", "1") == "jf -p test job info 1"
        assert jf_command(opened, "$(x)") == "jf -p test '$(x)'"


def test_a_project_that_is_not_there(projects):
    there = "no project other; projects here: test"
    with pytest.raises(CuprolithError, match=there), opened_database("other"):
        pass


def test_a_database_that_does_not_answer(projects):
    """No password and no traceback in what is told."""
    path = projects / "test.yaml"
    path.write_text(path.read_text().replace("port:", "password: hunter2\n    port: 1 #"))
    text = path.read_text().replace(
        "type: MongoStore",
        "type: MongoStore\n    mongoclient_kwargs: {serverSelectionTimeoutMS: 200}",
    )
    path.write_text(text)
    path.chmod(0o600)
    silent = "the database of project test does not answer"
    with pytest.raises(CuprolithError, match=silent) as told, opened_database("test") as opened:
        opened.count_jobs({})
    assert "hunter2" not in str(told.value)
    assert "jf -p test project check" in str(told.value)


def test_a_password_that_others_may_read_is_refused(projects):
    path = projects / "test.yaml"
    path.write_text(path.read_text().replace("port:", "password: hunter2\n    port:"))
    path.chmod(0o644)
    with pytest.raises(CuprolithError, match=r"test\.yaml") as told, opened_database("test"):
        pass
    assert "chmod 600" in told.value.remedy
    assert "hunter2" not in str(told.value)
