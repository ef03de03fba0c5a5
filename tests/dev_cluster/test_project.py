import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from cuprolith.errors import CuprolithError
from tests.dev_cluster import project as project_module
from tests.dev_cluster.layout import Layout
from tests.dev_cluster.project import (
    carry_settings,
    cluster_settings,
    project_document,
    project_file,
    project_files,
    remove_project,
    settings_text,
    write_project,
)
from workflows.hpc.setup.project import project_settings
from workflows.hpc.setup.project import write_project as hpc_write
from workflows.hpc.setup.secrets import write_private
from workflows.hpc.setup.settings import VaspWorkerSettings
from workflows.hpc.setup.settings_file import checked_settings, read_settings

WORKERS = ("dft-small", "dft-small-batch", "dft-large", "gpu", "cpu")


@pytest.fixture
def layout():
    return Layout(Path("/home/ada/.cuprolith/dev-cluster"))


def test_jobflow_remote_takes_it(layout, tmp_path):
    pytest.importorskip("jobflow_remote")
    from jobflow_remote.config.base import Project

    write_project(tmp_path, layout, cluster_settings(layout, database_port=27117, cpus=4))
    project = Project.model_validate(yaml.safe_load(project_file(tmp_path).read_text()))
    assert tuple(project.workers) == WORKERS
    assert set(project.get_jobstore().additional_stores) == {"data"}
    assert project.runner.delay_checkout == 1
    assert project.base_dir == str(layout.runner)
    for worker in project.workers.values():
        script = worker.get_scheduler_io().get_submission_script("true", worker.resources)
        assert "#SBATCH --partition=dev" in script


@pytest.mark.parametrize("cpus", [1, 2, 5, 64])
def test_no_class_asks_for_more_than_the_node_has(layout, cpus):
    settings = cluster_settings(layout, database_port=27117, cpus=cpus)
    workers = project_document(layout.projects, layout, settings)["workers"]
    cores = {
        name: worker["resources"]["ntasks_per_node"] * worker["resources"]["cpus_per_task"]
        for name, worker in workers.items()
    }
    assert all(1 <= count <= cpus for count in cores.values())
    assert cores["dft-large"] == cpus
    assert cores["dft-small"] <= cores["dft-large"]


def test_the_environment_of_a_job_is_quoted(layout, tmp_path, monkeypatch):
    scripts = tmp_path / 'it\'s; touch $HOME `touch harm` "{}"'
    scripts.mkdir()
    (scripts / "jf").write_text("#!/bin/sh\necho found")
    (scripts / "jf").chmod(0o755)
    monkeypatch.setattr(project_module, "scripts_folder", lambda: str(scripts))
    settings = cluster_settings(layout, database_port=27117, cpus=4)
    worker = project_document(layout.projects, layout, settings)["workers"]["gpu"]
    script = worker["pre_run"] + "\njf; echo $OMP_NUM_THREADS"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = ["bash", "-c", script]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["found", "2"]
    assert [path.name for path in tmp_path.iterdir()] == [scripts.name]


def test_a_project_of_somebody_else_is_left_alone(layout, tmp_path):
    project_file(tmp_path).write_text("name: dev-cluster\nworkers: {mine: {}}\n")
    settings = cluster_settings(layout, database_port=27117, cpus=2)
    with pytest.raises(CuprolithError, match="another project named dev-cluster"):
        write_project(tmp_path, layout, settings)
    remove_project(tmp_path, layout)
    assert "mine" in project_file(tmp_path).read_text()
    project_file(tmp_path).unlink()
    write_project(tmp_path, layout, settings)
    standing = project_file(tmp_path).read_text()
    project_file(tmp_path).write_text("name: dev-cluster\nworkers: {mine: {}}\n")
    with pytest.raises(CuprolithError, match="another project named dev-cluster"):
        write_project(tmp_path, layout, settings)  # whatever its settings say
    project_file(tmp_path).write_text(standing)
    remove_project(tmp_path, layout)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_its_classes_are_known_to_a_submission(layout, tmp_path):
    pytest.importorskip("jobflow_remote")
    from jobflow_remote.config.base import Project

    settings = cluster_settings(layout, database_port=27117, cpus=4)
    write_project(tmp_path, layout, settings)
    project = Project.model_validate(yaml.safe_load(project_file(tmp_path).read_text()))
    assert project_settings(project) == settings


def test_it_is_written_again_when_the_port_has_changed_and_not_otherwise(layout, tmp_path):
    write_project(tmp_path, layout, cluster_settings(layout, database_port=27117, cpus=2))
    before = project_file(tmp_path).stat()
    write_project(tmp_path, layout, cluster_settings(layout, database_port=27117, cpus=2))
    assert project_file(tmp_path).stat().st_ino == before.st_ino
    write_project(tmp_path, layout, cluster_settings(layout, database_port=27118, cpus=2))
    assert "27118" in project_file(tmp_path).read_text()


def test_edited_settings_leave_it_a_dev_cluster(layout, tmp_path):
    """VASP and a walltime are added; then `up` comes, whose database has another port."""
    write_project(tmp_path, layout, cluster_settings(layout, database_port=27117, cpus=2))
    files = project_files(tmp_path)
    before = yaml.safe_load(files.project.read_text())
    data = yaml.safe_load(files.settings.read_text())
    data["vasp"] = {"command": "srun vasp_std", "potcars": "/opt/potcars"}
    data["classes"]["cpu"]["walltime"] = "01:00:00"
    edited = checked_settings(data, files.settings)
    write_private(files.settings, settings_text(edited))
    hpc_write(edited, files, None)
    after = yaml.safe_load(files.project.read_text())
    free = ("base_dir", "runner", "metadata", "log_level")
    assert {key: after[key] for key in free} == {key: before[key] for key in free}
    assert after["exec_config"]["vasp"]["pre_run"]

    again = cluster_settings(layout, database_port=27118, cpus=4, projects=tmp_path)
    write_project(tmp_path, layout, again)
    known = read_settings(files.settings)
    assert (known.vasp.command, known.vasp.potcars) == ("srun vasp_std", "/opt/potcars")
    assert known.classes["cpu"].walltime == 3600
    assert known.classes["dft-large"].tasks_per_node == 4
    assert known.mongodb.port == 27118
    assert yaml.safe_load(files.project.read_text())["metadata"] == before["metadata"]


@pytest.mark.parametrize("damage", ["removed", "emptied", "written from its settings"])
def test_a_project_that_was_lost_or_damaged_is_known_by_its_settings(damage, layout, tmp_path):
    settings = cluster_settings(layout, database_port=27117, cpus=2)
    write_project(tmp_path, layout, settings)
    path, before = project_file(tmp_path), project_file(tmp_path).read_text()
    if damage == "emptied":
        path.write_text("")
    else:
        path.unlink()
    if damage == "written from its settings":
        hpc_write(settings, project_files(tmp_path), None)
    write_project(tmp_path, layout, settings)
    assert yaml.safe_load(path.read_text()) == yaml.safe_load(before)


def test_settings_that_cannot_be_read_are_not_overwritten(layout, tmp_path):
    write_project(tmp_path, layout, cluster_settings(layout, database_port=27117, cpus=2))
    settings = project_files(tmp_path).settings
    settings.write_text("project: [")
    with pytest.raises(CuprolithError, match="not valid YAML") as raised:
        cluster_settings(layout, database_port=27117, cpus=2, projects=tmp_path)
    assert str(settings) in raised.value.where
    assert "dev_cluster up" in raised.value.remedy
    assert settings.read_text() == "project: ["


def test_its_settings_go_along_to_another_folder(layout, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    settings = cluster_settings(layout, database_port=27117, cpus=2)
    write_project(
        old, layout, settings.model_copy(update={"vasp": VaspWorkerSettings(command="vasp")})
    )
    carry_settings(old, new, layout)
    remove_project(old, layout)
    assert [path for path in old.rglob("*") if path.is_file()] == []
    moved = cluster_settings(layout, database_port=27117, cpus=2, projects=new)
    assert moved.vasp.command == "vasp"


def test_paths_in_the_project_need_no_quotes(tmp_path):
    """jobflow-remote writes them into shell commands as they are."""
    layout = Layout(tmp_path / "it's; a $HOME 100% cluster")
    settings = cluster_settings(layout, database_port=27117, cpus=2)
    document = project_document(layout.projects, layout, settings)
    paths = [document["base_dir"], *(worker["work_dir"] for worker in document["workers"].values())]
    assert all(shlex.quote(path) == path for path in paths)
