"""The one list of stages, from which all others are derived."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from cuprolith.registry import RegistryError
from workflows import stage as module
from workflows.cli.main import app
from workflows.stage import ordered_stages, stage_commands

ORDER = ["generate", "label", "collect", "train", "validate", "tune", "judge", "report"]


def test_each_stage_comes_after_the_one_it_follows():
    assert [stage.name for stage in ordered_stages()] == ORDER


def test_the_command_line_has_those_with_a_help_text():
    assert stage_commands() == [name for name in ORDER if name != "judge"]
    said = CliRunner().invoke(app, ["--help"]).output
    assert all(f" {name} " in said for name in stage_commands())
    assert " judge " not in said


def test_patterns_are_those_of_any_workdir():
    patterns = {stage.name: stage.pattern for stage in ordered_stages()}
    assert patterns["label"] == "labels/labels.json"
    assert patterns["train"] == "training/*/result.json"
    assert patterns["validate"] == "training/*/validation.json"
    assert patterns["judge"] == ""


def test_a_stage_that_follows_nothing_is_refused(monkeypatch):
    stages = [*ordered_stages(), replace(ordered_stages()[0], name="inspect", follows="nothing")]
    monkeypatch.setattr(module, "STAGES", stages)
    ordered_stages.cache_clear()
    try:
        with pytest.raises(RegistryError, match="inspect"):
            ordered_stages()
    finally:
        ordered_stages.cache_clear()


def test_a_further_stage_takes_its_place(monkeypatch):
    further = replace(ordered_stages()[0], name="inspect", follows="train")
    monkeypatch.setattr(module, "STAGES", [*ordered_stages(), further])
    ordered_stages.cache_clear()
    try:
        names = [stage.name for stage in ordered_stages()]
    finally:
        ordered_stages.cache_clear()
    assert names.index("train") < names.index("inspect") < names.index("report")
