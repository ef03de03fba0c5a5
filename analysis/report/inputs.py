"""Read a workdir: missing or broken files are reported, and the rest is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any, TypeVar

import yaml

from analysis.tuning.trials import StudyRecord, load_record, study_folders
from training.dataset.card import CARD_NAME, DatasetCard, load_card

Content = TypeVar("Content")


@dataclass
class TrainingFolder:
    """Files of one training: its folder and its ``result.json`` (empty where there is none)."""

    variant: str
    folder: Path
    result: dict[str, Any]


@dataclass
class Inputs:
    """Everything a report is made of.

    Attributes
    ----------
    campaign, environment, structures, labels, timings
        Contents of the files; empty where there is none.
    card
        The dataset's; None where there is none.
    trainings
        One per folder in ``training/``.
    studies
        One per folder in ``tuning/``.
    problems
        Files that are there but could not be read, with the reason.
    """

    root: Path
    campaign_text: str = ""
    campaign: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    structures: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)
    card: DatasetCard | None = None
    timings: dict[str, Any] = field(default_factory=dict)
    trainings: list[TrainingFolder] = field(default_factory=list)
    studies: list[StudyRecord] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def entries(self) -> list[dict[str, Any]]:
        """One for each structure."""
        return self.structures.get("structures") or []

    @property
    def runs(self) -> list[dict[str, Any]]:
        """One for each label run."""
        return self.labels.get("trajectories") or []

    def attempt(self, path: Path, read: Callable[[Path], Content]) -> Content | None:
        """Read a file if it is there; note a problem if it cannot be read."""
        if not path.exists():
            return None
        try:
            return read(path)
        except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
            reason = shorten(str(error), 300, placeholder="…")
            self.problems.append(f"{path.relative_to(self.root)} could not be read: {reason}")
            return None


def read_inputs(root: Path) -> Inputs:
    """Read all small files of a workdir.

    Raises
    ------
    FileNotFoundError
        If `root` is no folder.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is not a folder: give the workdir of a campaign")
    inputs = Inputs(root)
    campaign = root / "campaign.yaml"
    text = inputs.attempt(campaign, lambda file: file.read_text("utf-8", errors="replace"))
    inputs.campaign_text = text or ""
    content = inputs.attempt(campaign, lambda file: _mapping(yaml.safe_load(file.read_bytes())))
    inputs.campaign = content or {}
    for name, path in {
        "environment": "environment.json",
        "structures": "structures/structures.json",
        "labels": "labels/labels.json",
        "timings": "timings.json",
    }.items():
        setattr(inputs, name, inputs.attempt(root / path, json_mapping) or {})
    inputs.card = inputs.attempt(root / "dataset" / CARD_NAME, load_card)
    inputs.trainings = [
        TrainingFolder(
            folder.name, folder, inputs.attempt(folder / "result.json", json_mapping) or {}
        )
        for folder in sorted((root / "training").glob("*/"))
        if "." not in folder.name  # earlier trainings are set aside as a.b
    ]
    studies = (inputs.attempt(folder, load_record) for folder in study_folders(root / "tuning"))
    inputs.studies = [study for study in studies if study is not None]
    return inputs


def json_mapping(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises
    ------
    ValueError
        If it does not.
    """
    return _mapping(json.loads(path.read_bytes()))


def _mapping(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ValueError(f"expected key-value pairs, found {type(content).__name__}")
    return content
