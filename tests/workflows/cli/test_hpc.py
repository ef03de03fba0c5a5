import json
import subprocess

import pytest
import yaml
from typer.testing import CliRunner

from workflows.cli import hpc_init
from workflows.cli.console import error_console
from workflows.cli.hpc import app

pytest.importorskip("jobflow_remote")

LEAST = ("--work-dir", "/scratch/me", "--venv", "/home/me/my venv")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "projects"


@pytest.fixture
def give(folder, monkeypatch):
    monkeypatch.setattr(error_console, "_width", 500)  # paths of tests are long

    def run(*arguments, text=None):
        options = ["-p", "licu", "--projects-folder", str(folder)]
        return CliRunner().invoke(app, [*map(str, arguments), *options], input=text)

    return run


def written(folder):
    return yaml.safe_load((folder / "licu" / "hpc.yaml").read_text())


def said(result):
    return " ".join(result.stderr.split())


def test_from_flags_to_a_script(give, folder):
    result = give("init", *LEAST, "--dft-queue", "standard", "--set", "classes.gpu.memory_gb=64")
    assert result.exit_code == 0
    assert "asks for no password" in result.stdout
    assert written(folder)["classes"]["gpu"]["memory_gb"] == 64
    assert give("check").exit_code == 0
    result = give("script", "dft-small")
    assert "#SBATCH --partition=standard\n" in result.stdout
    assert "source '/home/me/my venv/bin/activate'" in result.stdout
    subprocess.run(["bash", "-n"], input=result.stdout, text=True, check=True)


def test_given_again_it_keeps_values_that_are_defaults_of_the_settings(give, folder):
    give("init", *LEAST, "--gpus", "0", "--gpu-cores", "1")
    before = written(folder)
    assert give("init", "--force", "--dft-queue", "standard").exit_code == 0
    after = written(folder)
    for name in ("dft-small", "dft-large"):
        assert after["classes"][name].pop("queue") == "standard"
    assert after == before


def test_given_again_for_another_scheduler_it_asks_for_what_that_needs(give, folder):
    give("init", *LEAST)
    assert give("init", "--force", "--scheduler", "sge", "--set", "sge.user=lena").exit_code == 0
    assert written(folder)["sge"]["user"] == "lena"


def test_given_again_it_changes_nothing_and_others_need_force(give, folder):
    give("init", *LEAST)
    assert "nothing to change" in give("init").stdout
    result = give("init", "--gpu-queue", "new")
    assert result.exit_code == 1
    assert "--force" in said(result)
    assert "queue" not in written(folder)["classes"]["gpu"]
    assert give("init", "--gpu-queue", "new", "--force").exit_code == 0
    assert written(folder)["classes"]["gpu"]["queue"] == "new"


def test_dry_run_writes_nothing_and_shows_no_password(give, folder, monkeypatch):
    monkeypatch.setenv("MY_PW", "hunter2")
    flags = ("--mongo-user", "lena", "--mongo-password-from", "env:MY_PW")
    result = give("init", *LEAST, *flags, "--dry-run")
    assert result.exit_code == 0
    assert "password: '********'" in result.stdout
    assert "hunter2" not in result.output
    assert not folder.exists()
    result = give("init", *LEAST, *flags)
    assert result.exit_code == 0
    assert "hunter2" not in result.output
    assert "hunter2" in (folder / "licu.yaml").read_text()


def test_a_password_as_a_flag_is_refused_and_not_shown(give):
    result = give("init", *LEAST, "--mongo-user", "lena", "--mongo-password-from", "hunter2")
    assert result.exit_code == 1
    assert "not the password" in said(result)
    assert "hunter2" not in result.output


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--dft-queue", "a;id"), "--dft-queue"),
        (("--dft-walltime", "soon"), "--dft-walltime"),
        (("--modules", "gcc,$(id)"), "--modules"),
        (("--work-dir", "/my work"), "--work-dir"),
        (("--set", "classes.gpu.colour=red"), "classes.gpu.colour"),
        (("--set", "nonsense"), "KEY=VALUE"),
        (("--set", "environment.lines=[rm -rf /]"), "environment.lines"),
    ],
)
def test_what_is_wrong_is_named(give, folder, flags, named):
    result = give("init", *LEAST, *flags)
    assert result.exit_code == 1
    assert named in said(result)
    assert not folder.exists()


def test_without_terminal_what_is_missing_is_named(give):
    result = give("init")
    assert result.exit_code == 1
    assert "work_dir: missing" in said(result)


def test_the_name_of_a_project_is_no_path(folder):
    result = CliRunner().invoke(
        app, ["init", *LEAST, "-p", "../evil", "--projects-folder", str(folder)]
    )
    assert result.exit_code == 1
    assert not (folder.parent / "evil.yaml").exists()


def test_from_a_file(give, folder, tmp_path):
    give("init", *LEAST)
    path = tmp_path / "mine.yaml"
    path.write_text((folder / "licu" / "hpc.yaml").read_text())
    (folder / "licu" / "hpc.yaml").unlink()
    (folder / "licu.yaml").unlink()
    assert give("init", "--from", path).exit_code == 0
    assert written(folder) == yaml.safe_load(path.read_text())


def test_in_a_terminal_it_asks_until_the_answer_is_good(give, folder, monkeypatch):
    monkeypatch.setattr(hpc_init, "_in_terminal", lambda: True)
    answers = {
        "Scheduler": ["lsf", "slurm"],
        "Folder where jobs run": ["relative", "/scratch/me"],
        "Virtual environment": ["/venv"],
        "Command that runs VASP": ["srun vasp_std"],
    }
    from workflows.hpc.setup.questions import QUESTIONS

    lines = []
    for question in QUESTIONS:
        if question.name in {"ssh_user", "ssh_key", "parallel_environment", "sge_user"}:
            continue
        if question.name in {"conda_base", "conda_env", "mongo_password_from"}:
            continue
        typed = [said for text, said in answers.items() if question.text.startswith(text)]
        lines += typed[0] if typed else [""]
    result = give("init", text="\n".join([*lines, ""]))
    assert result.exit_code == 0, result.output
    found = written(folder)
    assert found["vasp"] == {"command": "srun vasp_std"}
    assert found["work_dir"] == "/scratch/me"
    assert "'slurm', 'pbs' or 'sge'" in result.stdout


def test_asked_again_it_offers_what_stands_and_takes_it_away(give, folder, monkeypatch):
    give("init", *LEAST, "--vasp-command", "srun vasp_std", "--dft-queue", "old")
    monkeypatch.setattr(hpc_init, "_in_terminal", lambda: True)
    monkeypatch.setattr(
        hpc_init.typer,
        "prompt",
        lambda text, default, show_default: {
            "Command that runs VASP in a job": "-",
            "Partition or queue for training on GPUs": "new",
        }.get(text, default),
    )
    assert give("init", "--force").exit_code == 0
    found = written(folder)
    assert "vasp" not in found
    assert found["classes"]["dft-small"]["queue"] == "old"
    assert found["classes"]["gpu"]["queue"] == "new"


def test_a_mistake_in_a_file_is_named_by_its_line(give, folder, tmp_path):
    give("init", *LEAST)
    path = tmp_path / "mine.yaml"
    path.write_text((folder / "licu" / "hpc.yaml").read_text().replace("venv:", "vemv:"))
    line = 1 + [text.strip()[:5] for text in path.read_text().splitlines()].index("vemv:")
    assert f"mine.yaml:{line}: environment.vemv: unknown key" in said(give("init", "--from", path))


def test_check_says_what_is_wrong_to_machines_too(give, folder):
    give("init", *LEAST)
    (folder / "licu.yaml").chmod(0o644)
    result = give("check", "--json")
    assert result.exit_code == 1
    found = {check["subject"]: check for check in json.loads(result.stdout)}
    assert found["files"]["remedy"].startswith("chmod 600 ")


def test_prepare_without_database(give):
    assert "there is no project" in said(give("prepare"))


def test_unknown_worker(give):
    give("init", *LEAST)
    assert "it has dft-small, dft-large, gpu, cpu" in said(give("script", "dft-tiny"))


def test_check_leaves_the_runner_to_its_owner(give, folder):
    give("init", *LEAST)
    path = folder / "licu.yaml"
    project = yaml.safe_load(path.read_text())
    path.write_text(
        yaml.safe_dump({**project, "runner": {"delay_checkout": 5}, "log_level": "debug"})
    )
    path.chmod(0o600)
    assert give("check").exit_code == 0
    project["workers"]["gpu"]["work_dir"] = "/elsewhere"
    path.write_text(yaml.safe_dump(project))
    path.chmod(0o600)
    result = give("check")
    assert result.exit_code == 1
    assert "workers.gpu.work_dir" in result.stdout
