"""Every string of the settings, tried with what an attacker would write."""

import copy
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from cuprolith.errors import CuprolithError
from workflows.hpc.setup.job_script import job_script
from workflows.hpc.setup.project import ProjectFiles, project_text, validated_project
from workflows.hpc.setup.settings_file import checked_settings

pytest.importorskip("jobflow_remote")

UID = "00000000-0000-4000-8000-000000000000"
SETTINGS = Path(__file__).parent / "golden" / "settings"
MORE = {
    "slurm": {
        "ssh": {"name": "login", "user": "lena", "key_file": "/home/lena/key"},
        "mongodb": {
            "host": "h",
            "user": "lena",
            "password_from": "file:/home/lena/pw",
            "auth_source": "admin",
            "tls": True,
            "tls_ca_file": "/etc/ca.pem",
        },
    },
    "pbs": {},
    "sge": {"sge": {"memory_resource": "h_vmem", "gpu_resource": "gpu", "user": "lena"}},
}
# {c} is what the attack would make
PAYLOADS = (
    "; touch {c} #",
    "$(touch {c})",
    "`touch {c}`",
    "\ntouch {c}\n",
    "\r\ntouch {c}\n",
    "\n#SBATCH --wrap=x\n",
    "' ; touch {c} ; '",
    '" ; touch {c} ; "',
    "&& touch {c}",
    "|| touch {c}",
    "| touch {c}",
    "> {c}",
    "\\\ntouch {c}",
    "\u2028touch {c}\u2028",
    "${{x:=$(touch {c})}}",
    "-o{c}",
    "--wrap=touch {c}",
    "{{}} $$x $${{job_name}}",
)


def places(data, path=()):
    """Yield the path of every string, and of every name that a person chooses."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from places(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from places(value, (*path, index))
    elif isinstance(data, str):
        yield path


def at(data, path):
    for part in path:
        data = data[part]
    return data


def replaced(data, path, value):
    data = copy.deepcopy(data)
    at(data, path[:-1])[path[-1]] = value
    return data


def full(scheduler, work):
    data = yaml.safe_load((SETTINGS / f"{scheduler}.yaml").read_text()) | MORE[scheduler]
    return data | {"work_dir": str(work)}


def scripts(data, work):
    settings = checked_settings(data, Path("settings.yaml"))
    project = validated_project(settings, ProjectFiles(Path("/projects"), "licu"))
    project_text(settings, ProjectFiles(Path("/projects"), "licu"), None)
    made = []
    for name, worker in project.workers.items():
        made += [
            job_script(project, name, job_name="a", run_dir=work, exec_config=execution)
            for execution in ("", "vasp")
        ]
        # as `jf project check` gives it to a login node
        made.append("; ".join((worker.pre_run or "").strip().splitlines()) + "; true")
    return made


@pytest.fixture
def run(tmp_path):
    """Run scripts in a folder in which every program they name is there, and harmless."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("jf", "srun"):
        (programs / name).write_text("#!/bin/bash\n")
        (programs / name).chmod(0o755)
    for name in ("touch",):
        (programs / name).symlink_to(f"/usr/bin/{name}")
    stubs = tmp_path / "stubs"

    def start(texts, *, failing=False):
        """Run them all; if `failing`, each line that prepares the shell fails and none ends it."""
        result = "false" if failing else "true"
        names = ("module", "conda", "source", "ulimit")
        stubs.write_text("".join(f"{name}() {{ {result}; }}\n" for name in names))
        if failing:
            texts = [text.replace("exit 1; }", "true; }") for text in texts]
        done = subprocess.run(
            ["/bin/bash", "-c", 'for s in "$@"; do (eval "$s"); done', "bash", *texts],
            cwd=tmp_path,
            env={"PATH": str(programs), "BASH_ENV": str(stubs), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "syntax error" not in done.stderr

    return start


@pytest.mark.parametrize("scheduler", ["slurm", "pbs", "sge"])
def test_injections_are_refused_or_inert(scheduler, tmp_path, run):
    work, canary = tmp_path / "work", tmp_path / "canary"
    work.mkdir()
    data = full(scheduler, work)
    lines = [len(text.splitlines()) for text in scripts(data, work)]
    tried, inert = 0, set()
    texts = []
    for path in places(data):
        for payload in PAYLOADS:
            attack = payload.format(c=canary)
            given = at(data, path)
            # `gcc-o…` in one word is a name
            joined = [] if attack.startswith("-") else [f"{given}{attack}"]
            for value in (attack, f"{given} {attack}", *joined):
                tried += 1
                try:
                    made = scripts(replaced(data, path, value), work)
                except CuprolithError:
                    continue
                inert.add(path[-1] if isinstance(path[-1], str) else path[-2])
                assert [len(text.splitlines()) for text in made] == lines, (path, value)
                texts += made
    for failing in (False, True):
        run(sorted(set(texts)), failing=failing)
    assert not canary.exists()
    assert tried > 1000
    # free text is quoted, or is no part of a script
    assert inert <= {
        *("key_file", "tls_ca_file", "potcars", "venv", "base", "TORCH_HOME", "lines"),
        *("user", "password_from", "command"),
    }


def test_the_sandbox_would_show_it(tmp_path, run):
    run([f"echo a; touch {tmp_path / 'canary'}"])
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("attack", ["; touch x", "$(touch x)", "a\nb", "-x", "a b", "", "A=B"])
@pytest.mark.parametrize("section", ["variables", "classes"])
def test_names_are_refused_too(section, attack, tmp_path):
    data = full("slurm", tmp_path)
    if section == "variables":
        data["environment"]["variables"] = {attack: "x"}
    else:
        data["classes"][attack] = data["classes"]["cpu"]
    with pytest.raises(CuprolithError):
        scripts(data, tmp_path)


def test_commands_of_a_script_see_no_shell(tmp_path):
    """The VASP command is split into words by custodian: the variable arrives as one text."""
    data = full("slurm", tmp_path)
    data["vasp"]["command"] = "srun -n $SLURM_NTASKS vasp_std"
    script = next(text for text in scripts(data, tmp_path) if "VASP_CMD" in text)
    line = next(line for line in script.splitlines() if "VASP_CMD" in line)
    shown = subprocess.run(
        ["bash", "-c", f'{line}; printf %s "$VASP_CMD"'],
        env={**os.environ, "SLURM_NTASKS": "4; id"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown == "srun -n $SLURM_NTASKS vasp_std"
