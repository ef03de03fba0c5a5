"""Every command in the README works as written."""

import os
import stat

import pytest
from readme_commands import ROOT, readme_commands

# `checks.py` is what runs this test; the CI script is checked to call it as the README says.
CHECKS = "python3 bootstrap.py python checks.py"
SBATCH = """#!/bin/sh
# Stands where SLURM's sbatch would: runs the wrapped command at once.
for argument in "$@"; do command="$argument"; done
exec sh -c "$command"
"""


def test_first_two_commands_are_the_main_job_and_the_checks():
    commands = readme_commands()
    assert commands[0] == "python3 bootstrap.py cuprolith run inputs/quickstart.yaml"
    assert commands[1] == CHECKS


def test_ci_calls_the_readmes_test_command():
    assert f"exec {CHECKS}" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in readme_commands()[1:] if c != CHECKS])
def test_command(tour, command, tmp_path, monkeypatch):
    sbatch = tmp_path / "sbatch"
    sbatch.write_text(SBATCH)
    sbatch.chmod(sbatch.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert tour.give(command).strip()
