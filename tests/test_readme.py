"""What the README promises of its first two commands."""

from readme_commands import CHECKS, ROOT, readme_commands


def test_first_two_commands_are_the_main_job_and_the_checks():
    commands = readme_commands()
    assert commands[0] == "python3 bootstrap.py cuprolith run inputs/quickstart.yaml"
    assert commands[1] == CHECKS


def test_ci_calls_the_readmes_test_command():
    assert f"exec {CHECKS}" in (ROOT / ".ci" / "run").read_text()
