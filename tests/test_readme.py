"""What the README promises of its first two commands, and of those for a queue."""

import re

from readme_commands import CHECKS, ROOT, readme_commands


def test_first_two_commands_are_the_main_job_and_the_checks():
    commands = readme_commands()
    assert commands[0] == "python3 bootstrap.py cuprolith run inputs/quickstart.yaml"
    assert commands[1] == CHECKS


def test_ci_calls_the_readmes_test_command():
    assert f"exec {CHECKS}" in (ROOT / ".ci" / "run").read_text()


def test_the_commands_for_a_queue_are_those_of_its_tutorial():
    (block,) = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    tutorial = (ROOT / "docs" / "tutorials" / "queue.md").read_text()  # a test runs it
    assert len(block.splitlines()) > 1
    assert all(f"\n{line}\n" in tutorial for line in block.splitlines())
