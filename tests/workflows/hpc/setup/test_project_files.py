from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from cuprolith.errors import CuprolithError
from workflows.hpc.setup.check import check_project
from workflows.hpc.setup.project import (
    ProjectFiles,
    mongodb_password,
    project_text,
    projects_folder,
    write_project,
)
from workflows.hpc.setup.settings_file import checked_settings, read_settings

jobflow_remote = pytest.importorskip("jobflow_remote")

GOLDEN = Path(__file__).parent / "golden" / "settings"


@pytest.fixture
def files(tmp_path):
    return ProjectFiles(tmp_path / "projects", "licu")


@pytest.fixture
def settings():
    return read_settings(GOLDEN / "slurm.yaml")


def failures(files):
    return {found.subject: found for found in check_project(files) if found.status != "ok"}


def test_jobflow_remote_finds_it_and_reads_it_as_it_was_meant(files, settings, monkeypatch):
    write_project(settings, files, SecretStr("secret"), force=False)
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
    assert len(write_project(settings, files, SecretStr("a"), force=False)) == 2
    before = {path: path.stat().st_mtime_ns for path in (files.project, files.settings)}
    assert write_project(settings, files, SecretStr("a"), force=False) == []
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_others_are_replaced_by_force_alone_and_kept(files, settings):
    write_project(settings, files, SecretStr("old"), force=False)
    with pytest.raises(CuprolithError, match="other settings") as caught:
        write_project(settings, files, SecretStr("new"), force=False)
    assert "password" not in str(caught.value)
    assert write_project(settings, files, SecretStr("new"), force=True) == [files.project]
    kept = files.project.with_name("licu.yaml.bak")
    assert "password: old" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_what_the_settings_do_not_decide_stays(files, settings):
    write_project(settings, files, None, force=False)
    document = yaml.safe_load(files.project.read_text())
    own = {
        "base_dir": "/fast/runner",
        "log_level": "debug",
        "runner": {"delay_checkout": 5},
        "metadata": {**document["metadata"], "owner": "lena"},
    }
    files.project.write_text(yaml.safe_dump(document | own))
    write_project(settings, files, SecretStr("new"), force=True)
    written = yaml.safe_load(files.project.read_text())
    assert {key: written[key] for key in own} == own
    del own["metadata"]["cuprolith_hpc"]  # as of a project that is not ours
    files.project.write_text(yaml.safe_dump(document | own))
    write_project(settings, files, SecretStr("new"), force=True)
    assert yaml.safe_load(files.project.read_text())["base_dir"] == document["base_dir"]


def test_a_loose_mode_is_mended_when_written_again(files, settings):
    write_project(settings, files, SecretStr("a"), force=False)
    files.project.chmod(0o644)
    write_project(settings, files, SecretStr("a"), force=False)
    assert files.project.stat().st_mode & 0o777 == 0o600


def test_no_password_no_user(files):
    settings = read_settings(GOLDEN / "pbs.yaml")
    assert mongodb_password(settings.mongodb) is None
    store = yaml.safe_load(project_text(settings, files, None))["queue"]["store"]
    assert not {"username", "password"} & set(store)


def test_a_good_project_passes(files, settings):
    write_project(settings, files, SecretStr("a"), force=False)
    assert failures(files) == {}


def test_nothing_there(files):
    assert failures(files)["settings"].remedy == "cuprolith hpc init --project licu"


def test_settings_with_a_mistake_name_the_key(files, settings):
    write_project(settings, files, SecretStr("a"), force=False)
    text = files.settings.read_text().replace("tasks_per_node", "taks_per_node")
    files.settings.write_text(text)
    assert "classes.dft-small.taks_per_node" in failures(files)["settings"].found


def test_a_project_that_others_can_read(files, settings):
    write_project(settings, files, SecretStr("a"), force=False)
    files.project.chmod(0o640)
    assert failures(files)["files"].remedy == f"chmod 600 {files.project}"


def test_a_project_changed_by_hand_names_the_keys_and_no_password(files, settings):
    write_project(settings, files, SecretStr("hunter2"), force=False)
    text = files.project.read_text()
    files.project.write_text(text.replace("max_jobs: 20", "max_jobs: 30"))
    found = failures(files)
    assert found["project"].found.endswith("workers.dft-large.max_jobs")
    files.project.write_text(text + "\n: [hunter2")
    assert "ParserError" in failures(files)["project"].found
    assert "hunter2" not in str(check_project(files))


def test_two_projects_with_one_queue(files, settings):
    write_project(settings, files, SecretStr("a"), force=False)
    other = ProjectFiles(files.folder, "other")
    data = settings.as_data() | {"project": "other", "work_dir": "/scratch/other"}
    write_project(checked_settings(data, Path()), other, SecretStr("a"), force=False)
    assert "mongodb.database" in failures(files)["other projects"].remedy
    assert "licu.queue.store" in failures(files)["other projects"].found
    data["mongodb"]["database"] = "other"
    write_project(checked_settings(data, Path()), other, SecretStr("a"), force=True)
    assert failures(files) == {}


def test_two_files_of_one_project(files, settings):
    write_project(settings, files, SecretStr("a"), force=False)
    (files.folder / "copy.yaml").write_text(files.project.read_text())
    assert "copy.yaml describes" in failures(files)["other projects"].found


def test_a_link_in_place_of_the_file_is_not_followed(files, settings, tmp_path):
    """Somebody else's file must not get the password."""
    files.folder.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("")
    files.project.symlink_to(victim)
    write_project(settings, files, SecretStr("a"), force=True)
    assert victim.read_text() == ""
    assert not files.project.is_symlink()
    assert files.project.stat().st_mode & 0o777 == 0o600
