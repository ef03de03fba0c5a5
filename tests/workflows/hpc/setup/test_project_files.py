from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from cuprolith.errors import CuprolithError
from tests.dev_cluster.project import settings_text
from workflows.hpc.setup.check import check_project
from workflows.hpc.setup.project import (
    ProjectFiles,
    project_data,
    projects_folder,
    write_project,
)
from workflows.hpc.setup.secrets import mongodb_password, write_private
from workflows.hpc.setup.settings_file import checked_settings, read_settings

jobflow_remote = pytest.importorskip("jobflow_remote")

GOLDEN = Path(__file__).parent / "golden" / "settings"


@pytest.fixture
def files(tmp_path):
    return ProjectFiles(tmp_path / "projects", "licu")


@pytest.fixture
def settings():
    return read_settings(GOLDEN / "slurm.yaml")


def written(settings, files, password="a"):
    """Write what a person edits, and the project made of it."""
    write_private(files.settings, settings_text(settings))
    return write_project(settings, files, SecretStr(password))


def failures(files):
    return {found.subject: found for found in check_project(files) if found.status == "missing"}


def test_jobflow_remote_finds_it_and_reads_it_as_it_was_meant(files, settings, monkeypatch):
    written(settings, files, "secret")
    monkeypatch.setattr(jobflow_remote.SETTINGS, "projects_folder", str(files.folder))
    from jobflow_remote.config.manager import ConfigManager

    assert projects_folder() == files.folder
    project = ConfigManager().get_project("licu")
    assert set(project.workers) == {"dft-small", "dft-small-batch", "dft-large", "gpu", "cpu"}
    assert project.workers["dft-large"].max_jobs == 20
    assert project.workers["dft-small-batch"].max_jobs == 4
    assert project.get_queue_store().password == "secret"
    assert project.get_queue_store().mongoclient_kwargs == {"tls": True}
    store = project.get_jobstore()
    assert type(store.additional_stores["data"]).__name__ == "GridFSStore"
    # the settings beside it are not taken for a project
    assert ConfigManager().project_names_from_files() == (["licu"], [])


def test_the_same_again_changes_nothing(files, settings):
    assert written(settings, files)
    before = files.project.stat().st_mtime_ns
    assert not written(settings, files)
    assert before == files.project.stat().st_mtime_ns


def test_the_project_of_before_is_kept(files, settings):
    written(settings, files, "old")
    assert written(settings, files, "new")
    kept = files.project.with_name("licu.yaml.bak")
    assert "password: old" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["name: licu\nworkers: {mine: {}}\n", "a: [", "# mine\n"])
def test_a_project_of_somebody_else_is_left_alone(files, settings, text):
    files.folder.mkdir()
    files.project.write_text(text)
    with pytest.raises(CuprolithError, match="a project of that name exists"):
        written(settings, files)
    assert files.project.read_text() == text


def test_what_the_settings_do_not_decide_stays(files, settings):
    write_project(settings, files, None)
    document = yaml.safe_load(files.project.read_text())
    own = {
        "base_dir": "/fast/runner",
        "log_level": "debug",
        "runner": {"delay_checkout": 5},
        "metadata": {**document["metadata"], "owner": "lena"},
    }
    files.project.write_text(yaml.safe_dump(document | own))
    written(settings, files, "new")
    found = yaml.safe_load(files.project.read_text())
    assert {key: found[key] for key in own} == own


def test_a_loose_mode_is_corrected_when_written_again(files, settings):
    written(settings, files, "a")
    files.project.chmod(0o644)
    written(settings, files, "a")
    assert files.project.stat().st_mode & 0o777 == 0o600


def test_no_password_no_user(files):
    settings = read_settings(GOLDEN / "pbs.yaml")
    assert mongodb_password(settings.mongodb) is None
    store = project_data(settings, files)["queue"]["store"]
    assert not {"username", "password"} & set(store)


def test_a_good_project_passes(files, settings):
    written(settings, files, "a")
    assert failures(files) == {}


def test_nothing_there(files):
    remedy = "cuprolith hpc init SCHEDULER --project licu"
    assert failures(files)["settings"].remedy == remedy


def test_settings_with_a_mistake_name_the_key(files, settings):
    written(settings, files, "a")
    text = files.settings.read_text().replace("tasks_per_node", "taks_per_node")
    files.settings.write_text(text)
    assert "classes.dft-small.taks_per_node" in failures(files)["settings"].found


def test_settings_that_others_can_change(files, settings):
    written(settings, files)
    files.settings.chmod(0o660)
    assert failures(files)["settings"].remedy == f"chmod 600 {files.settings}"


def test_settings_of_another_project(files, settings):
    written(settings, ProjectFiles(files.folder, "other"))
    assert failures(ProjectFiles(files.folder, "other"))["settings"].remedy == "write other"


def test_lines_that_run_as_they_are_are_shown(files, settings):
    written(settings, files)
    shown = {found.subject: found for found in check_project(files)}
    assert shown["lines of all jobs"].status == "note"
    assert shown["lines of all jobs"].found.startswith("ulimit -s unlimited ; export LD_LIB")


def test_a_project_that_others_can_read(files, settings):
    written(settings, files, "a")
    files.project.chmod(0o640)
    assert failures(files)["files"].remedy == f"chmod 600 {files.project}"


def test_a_project_changed_by_hand_names_the_keys_and_no_password(files, settings):
    written(settings, files, "hunter2")
    text = files.project.read_text()
    files.project.write_text(text.replace("max_jobs: 20", "max_jobs: 30"))
    found = failures(files)
    assert found["project"].found.endswith("workers.dft-large.max_jobs")
    files.project.write_text(text + "\n: [hunter2")
    assert "ParserError" in failures(files)["project"].found
    assert "hunter2" not in str(check_project(files))


def test_two_projects_with_one_queue(files, settings):
    written(settings, files, "a")
    other = ProjectFiles(files.folder, "other")
    data = yaml.safe_load((GOLDEN / "slurm.yaml").read_text()) | {
        "project": "other",
        "work_dir": "/scratch/other",
    }
    written(checked_settings(data, Path()), other)
    assert "mongodb.database" in failures(files)["other projects"].remedy
    assert "licu.queue.store" in failures(files)["other projects"].found
    data["mongodb"]["database"] = "other"
    written(checked_settings(data, Path()), other)
    assert failures(files) == {}


def test_two_files_of_one_project(files, settings):
    written(settings, files, "a")
    (files.folder / "copy.yaml").write_text(files.project.read_text())
    assert "copy.yaml describes" in failures(files)["other projects"].found


def test_a_link_in_place_of_the_file_is_not_followed(files, settings, tmp_path):
    """Somebody else's file must not get the password."""
    files.folder.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("")
    files.project.symlink_to(victim)
    written(settings, files)
    assert victim.read_text() == ""
    assert not files.project.is_symlink()
    assert files.project.stat().st_mode & 0o777 == 0o600
