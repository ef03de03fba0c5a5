import json

import pytest
from typer.testing import CliRunner

from workflows.checks import Check
from workflows.cli.main import app

CHECKS = {
    "ok": Check(subject="database", status="ok", found="[here]"),
    "note": Check(subject="GPU", status="note", found="none", remedy="buy one"),
    "missing": Check(subject="runner", status="missing", found="none", remedy="jf runner start"),
    "skipped": Check(subject="round trip", status="skipped", found="needs the runner"),
}


@pytest.fixture
def given(monkeypatch):
    """Give `doctor --hpc` where these are the checks."""
    pytest.importorskip("jobflow_remote")
    asked = []

    def give(*kinds, arguments=()):
        def run_checks(files, report, *, seconds):
            asked.append((files.name, seconds))
            for kind in kinds:
                report(CHECKS[kind])

        monkeypatch.setattr("workflows.hpc.doctor.run_checks.run_checks", run_checks)
        result = CliRunner().invoke(app, ["doctor", "--hpc", *arguments])
        return result, asked[-1]

    return give


def test_each_check_on_a_line(given):
    result, asked = given(*CHECKS, arguments=("-p", "licu", "--timeout", "5"))
    assert asked == ("licu", 5)
    assert result.stdout.splitlines() == [
        "✓ database: [here]",
        "• GPU: none",
        "    → buy one",
        "✗ runner: FAILED none",
        "    → jf runner start",
        "– round trip: skipped, needs the runner",
    ]
    assert result.exit_code == 1


def test_notes_are_no_failure(given):
    result, asked = given("ok", "note", "skipped", arguments=("-p", "licu"))
    assert result.exit_code == 0
    assert asked == ("licu", 600)


def test_for_machines(given):
    result, _ = given("ok", "missing", arguments=("-p", "licu", "--json"))
    assert [check["status"] for check in json.loads(result.stdout)] == ["ok", "missing"]
    assert result.exit_code == 1


def test_options_that_go_with_hpc_alone():
    result = CliRunner().invoke(app, ["doctor", "--project", "licu"])
    assert result.exit_code == 1
    assert "add --hpc" in result.stderr


def test_ctrl_c(given, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    given("ok")
    monkeypatch.setattr("workflows.hpc.doctor.run_checks.run_checks", stopped)
    result = CliRunner().invoke(app, ["doctor", "--hpc", "-p", "licu"])
    assert result.exit_code == 130
    assert "removed from the queue" in result.stderr
