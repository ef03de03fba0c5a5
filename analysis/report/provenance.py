"""Section *Provenance*: versions, seeds, settings and hashes that give the same numbers again."""

from __future__ import annotations

from typing import Any

from analysis.report.content import Section, Table, flat, value_text
from analysis.report.inputs import Inputs

_ENVIRONMENT_ROWS = (
    ("campaign hash", "campaign_hash"),
    ("created", "created"),
    ("cuprolith", "cuprolith_version"),
    ("python", "python"),
    ("platform", "platform"),
    ("CPUs", "cpu_count"),
    ("memory, GiB", "memory_gib"),
    ("GPU", "gpu"),
)


def provenance_section(inputs: Inputs) -> Section:
    """Make the section."""
    section = Section("provenance", "Provenance")
    section.lead = "Versions, seeds, settings and hashes. The same campaign gives the same ids."
    environment = inputs.environment
    section.facts = [
        (label, _readable(environment[key]))
        for label, key in _ENVIRONMENT_ROWS
        if environment.get(key) is not None
    ]
    if "gpu" in environment and environment["gpu"] is None:
        section.facts.append(("GPU", "none"))
    tables = [
        Table("Seeds", ("seed of", "seed"), _seeds(inputs)),
        Table("Packages", ("package", "version"), flat(environment.get("packages") or {})),
        Table("Hashes", ("hash of", "hash"), _hashes(inputs)),
    ]
    section.tables = [table for table in tables if table.rows]
    if inputs.campaign_text:
        section.details.append(("Campaign, all defaults written out", inputs.campaign_text))
    return section


def _readable(value: Any) -> str:
    """Write a value; a time stamp in UTC without T and offset."""
    text = value_text(value)
    if text.endswith("+00:00"):
        return text.removesuffix("+00:00").replace("T", " ") + " UTC"
    return text


def _seeds(inputs: Inputs) -> list[tuple[str, str]]:
    named = {"campaign": inputs.campaign, "structures": inputs.structures}
    named |= {f"training {training.variant}": training.result for training in inputs.trainings}
    seeds = [(name, str(content["seed"])) for name, content in named.items() if "seed" in content]
    return seeds if inputs.card is None else [*seeds, ("split", str(inputs.card.seed))]


def _hashes(inputs: Inputs) -> list[tuple[str, str]]:
    hashes = []
    if "config_hash" in inputs.labels:
        hashes.append(("label settings", str(inputs.labels["config_hash"])))
    hashes += [
        (f"training {training.variant}: all inputs (SHA-256)", str(training.result["input_hash"]))
        for training in inputs.trainings
        if "input_hash" in training.result
    ]
    if inputs.card is not None:
        files = [*inputs.card.splits.values(), inputs.card.quarantine]
        hashes += [(f"dataset/{file.file} (SHA-256)", file.sha256) for file in files]
    return hashes
