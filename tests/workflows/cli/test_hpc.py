import json
import subprocess

import pytest
import yaml
from typer.testing import CliRunner

from workflows.cli.hpc import app
from workflows.stage_commands.console import error_console

jobflow_remote = pytest.importorskip("jobflow_remote")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "projects"
    monkeypatch.setattr(jobflow_remote.SETTINGS, "projects_folder", str(folder))
    return folder


@pytest.fixture
def give(folder, monkeypatch):
    monkeypatch.setattr(error_console, "_width", 500)  # paths of tests are long

    def run(*arguments):
        return CliRunner().invoke(app, [*map(str, arguments), "-p", "licu"])

    return run


def edit(folder, old, new):
    path = folder / "licu" / "hpc.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def said(result):
    return " ".join(result.stderr.split())


def test_from_the_template_to_a_script(give, folder):
    result = give("init", "slurm")
    assert result.exit_code == 0
    assert "cuprolith hpc write --project licu" in result.stdout
    edit(folder, "#queue: standard", "queue: standard")
    result = give("write")
    assert result.exit_code == 0, result.stderr
    assert "needs no password" in result.stdout
    assert "jf -p licu runner start" in result.stdout
    assert give("check").exit_code == 0
    result = give("script", "dft-small")
    assert "#SBATCH --partition=standard\n" in result.stdout
    subprocess.run(["bash", "-n"], input=result.stdout, text=True, check=True)


def test_settings_that_changed_are_written_again(give, folder):
    give("init", "slurm")
    give("write")
    assert "is up to date" in give("write").stdout
    edit(folder, "tasks_per_node: 16", "tasks_per_node: 8")
    assert give("check").exit_code == 1
    assert "runner restart" in give("write").stdout
    assert give("check").exit_code == 0


def test_settings_are_never_replaced(give, folder):
    give("init", "slurm")
    edit(folder, "tasks_per_node: 16", "tasks_per_node: 8")
    assert "has settings" in said(give("init", "slurm"))
    assert "tasks_per_node: 8" in (folder / "licu" / "hpc.yaml").read_text()


def test_dry_run_writes_nothing_and_no_command_shows_the_password(give, folder, monkeypatch):
    monkeypatch.setenv("CUPROLITH_MONGO_PASSWORD", "hunter2")
    give("init", "slurm")
    edit(folder, "never in here.\n  #user", "never in here.\n  user")
    result = give("write", "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert "password: '********'" in result.stdout
    assert "hunter2" not in result.output
    assert not (folder / "licu.yaml").exists()
    result = give("write")
    assert result.exit_code == 0
    assert "hunter2" not in result.output
    assert "hunter2" in (folder / "licu.yaml").read_text()


def test_an_unknown_scheduler(give, folder):
    assert "choose one of pbs, sge, slurm" in said(give("init", "lsf"))
    assert not folder.exists()


def test_the_name_of_a_project_is_no_path(folder):
    result = CliRunner().invoke(app, ["init", "slurm", "-p", "../evil"])
    assert result.exit_code == 1
    assert not folder.exists()


def test_a_mistake_is_named_by_its_line(give, folder):
    give("init", "slurm")
    edit(folder, "  bin:", "  bim:")
    lines = (folder / "licu" / "hpc.yaml").read_text().splitlines()
    line = 1 + [text[:6] for text in lines].index("  bim:")
    assert f"hpc.yaml:{line}: environment.bim: unknown key" in said(give("write"))


def test_without_settings(give):
    assert "cuprolith hpc init SCHEDULER --project licu" in said(give("write"))


def test_check_says_what_is_wrong_to_machines_too(give, folder):
    give("init", "slurm")
    give("write")
    (folder / "licu.yaml").chmod(0o644)
    result = give("check", "--json")
    assert result.exit_code == 1
    found = {check["subject"]: check for check in json.loads(result.stdout)}
    assert found["files"]["remedy"].startswith("chmod 600 ")


def test_prepare_without_project(give):
    assert "no project licu" in said(give("prepare"))


def test_unknown_worker(give):
    give("init", "slurm")
    assert "choose one of dft-small, dft-small-batch, dft-large, gpu, cpu" in said(
        give("script", "dft-tiny")
    )


def test_check_leaves_the_runner_to_its_owner(give, folder):
    give("init", "slurm")
    give("write")
    path = folder / "licu.yaml"
    project = yaml.safe_load(path.read_text())
    own = {"runner": {"delay_checkout": 5}, "log_level": "debug"}
    path.write_text(yaml.safe_dump({**project, **own}))
    assert give("check").exit_code == 0
    project["workers"]["gpu"]["work_dir"] = "/elsewhere"
    path.write_text(yaml.safe_dump(project))
    result = give("check")
    assert result.exit_code == 1
    assert "workers.gpu.work_dir" in result.stdout
