"""Names of the settings end up in scripts as names; free lines as they are, each on its own."""

import copy
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from cuprolith.errors import CuprolithError
from workflows.hpc.setup.job_script import job_script, plain_job_name
from workflows.hpc.setup.project import ProjectFiles, validated_project
from workflows.hpc.setup.scheduler import SCHEDULERS
from workflows.hpc.setup.settings_file import checked_settings

pytest.importorskip("jobflow_remote")

SETTINGS = Path(__file__).parent / "golden" / "settings"
# {c} is what an attack would make
PAYLOADS = ("; touch {c} #", "$(touch {c})", "`touch {c}`", "'; touch {c}; '", '"; touch {c}; "')
BREAKS = ("\ntouch {c}\n", "\r\n#SBATCH --wrap=x", "\x00", "\x1b[2J", "\u2028touch {c}")


def places(data, path=()):
    """Yield the path of every text."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from places(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from places(value, (*path, index))
    elif isinstance(data, str):
        yield path


def replaced(data, path, value):
    data = copy.deepcopy(data)
    place = data
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return data


def full(scheduler, work):
    data = yaml.safe_load((SETTINGS / f"{scheduler}.yaml").read_text())
    data["ssh"] = {"name": "login", "user": "lena", "key_file": "/home/lena/key"}
    data["mongodb"] |= {"user": "lena", "password_file": "/home/lena/pw", "auth_source": "admin"}
    return data | {"work_dir": str(work)}


def scripts(data):
    settings = checked_settings(data, Path("settings.yaml"))
    project = validated_project(settings, ProjectFiles(Path("/projects"), "licu"))
    return [job_script(project, name) for name in project.workers]


def run(texts, folder):
    """Run scripts where every program they name is there and harmless."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "jf").write_text("#!/bin/bash\n")
    (programs / "jf").chmod(0o755)
    stubs = folder / "stubs"
    stubs.write_text("".join(f"{name}() {{ true; }}\n" for name in ("module", "conda", "source")))
    done = subprocess.run(
        ["/bin/bash", "-c", 'for s in "$@"; do (eval "$s"); done', "bash", *texts],
        cwd=folder,
        env={"PATH": f"{programs}:/usr/bin", "BASH_ENV": str(stubs), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "syntax error" not in done.stderr


@pytest.mark.parametrize("scheduler", SCHEDULERS.entries)
def test_names_are_refused_or_inert(scheduler, tmp_path):
    work, canary = tmp_path / "work", tmp_path / "canary"
    work.mkdir()
    data = full(scheduler, work)
    texts = set()
    for path in places(data):
        if "lines" in path:
            continue
        for payload in PAYLOADS:
            try:
                texts |= set(scripts(replaced(data, path, payload.format(c=canary))))
            except CuprolithError:
                continue
    assert len(texts) > 10
    run(sorted(texts), tmp_path)
    assert not canary.exists()
    run([f"touch {canary}"], tmp_path)
    assert canary.exists()


@pytest.mark.parametrize("scheduler", SCHEDULERS.entries)
def test_no_text_has_line_breaks_or_control_characters(scheduler, tmp_path):
    data = full(scheduler, tmp_path)
    for path in places(data):
        for text in BREAKS:
            with pytest.raises(CuprolithError):
                checked_settings(replaced(data, path, f"/a{text}"), Path("settings"))


@pytest.mark.parametrize("attack", ["; touch x", "$(touch x)", "a\nb", "-x", "a b", "", "A=B"])
@pytest.mark.parametrize("section", ["variables", "classes"])
def test_names_of_variables_and_classes_are_refused_too(section, attack, tmp_path):
    data = full("slurm", tmp_path)
    if section == "variables":
        data["environment"]["variables"] = {attack: "x"}
    else:
        data["classes"][attack] = data["classes"]["cpu"]
    with pytest.raises(CuprolithError):
        checked_settings(data, Path("settings"))


FREE = [
    "if true; then echo yes; else echo no; fi",
    "for name in a b; do echo $name; done  # a comment",
    "cat <(echo '$HOME') \"${HOME}\" 2> /dev/null || true",
]


def test_free_lines_are_written_as_they_are(tmp_path):
    data = full("slurm", tmp_path)
    data["environment"] = {"bin": "/usr/bin", "lines": FREE}
    script = next(text for text in scripts(data) if FREE[0] in text and "module" not in text)
    assert [line for line in script.splitlines() if line in FREE] == FREE
    run([script], tmp_path)


def test_a_free_line_that_fails_ends_the_job(tmp_path):
    data = full("slurm", tmp_path)
    data["environment"] = {"bin": "/usr/bin", "lines": ["echo one", "test 'a' = b", "echo two"]}
    data["classes"]["cpu"]["environment"] = {}
    settings = checked_settings(data, Path("settings"))
    project = validated_project(settings, ProjectFiles(Path("/projects"), "licu"))
    done = subprocess.run(
        ["bash", "-c", project.workers["cpu"].pre_run], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "one\n")
    assert "this line of the job script failed: test a = b" in done.stderr


def test_commands_of_a_script_see_no_shell(tmp_path):
    """The VASP command is split into words by custodian: the variable arrives as one text."""
    data = full("slurm", tmp_path)
    data["vasp"]["command"] = "srun -n $SLURM_NTASKS vasp_std"
    script = next(text for text in scripts(data) if "VASP_CMD" in text)
    line = next(line for line in script.splitlines() if "VASP_CMD" in line)
    shown = subprocess.run(
        ["bash", "-c", f'{line}; printf %s "$VASP_CMD"'],
        env={**os.environ, "SLURM_NTASKS": "4; id"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown == "srun -n $SLURM_NTASKS vasp_std"


def test_names_of_jobs_are_inert_and_begin_with_a_letter():
    assert plain_job_name("relax Cu(100); rm -rf $HOME") == "relax_Cu_100___rm_-rf__HOME"
    assert plain_job_name("7") == "job_7"
