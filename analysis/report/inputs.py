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
from analysis.validation.results import VALIDATION_FILE, Validation, read_validation
from cuprolith.hashes import file_sha256
from training.dataset.card import CARD_NAME, DatasetCard, load_card

Content = TypeVar("Content")


@dataclass
class TrainingFolder:
    """Files of one training.

    Attributes
    ----------
    result
        Content of ``result.json``; empty where there is none.
    validation
        None where there is none, or it is of another potential than the one there now.
    outdated_validation
        Whether it is of another potential.
    """

    variant: str
    folder: Path
    result: dict[str, Any]
    validation: Validation | None = None
    outdated_validation: bool = False


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
    further_validations
        Of potentials that were not trained here, by folder in ``validations/``.
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
    further_validations: dict[str, Validation] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def entries(self) -> list[dict[str, Any]]:
        """One for each structure."""
        return self.structures.get("structures") or []

    @property
    def validations(self) -> dict[str, Validation]:
        """Validations of the trained variants, by variant."""
        found = {training.variant: training.validation for training in self.trainings}
        return {variant: each for variant, each in found.items() if each is not None}

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
    for training in inputs.trainings:
        _read_validation(inputs, training)
    for file in sorted((root / "validations").glob(f"*/{VALIDATION_FILE}")):
        found = inputs.attempt(file, read_validation)
        if found is not None:
            inputs.further_validations[file.parent.name] = found
    return inputs


def _read_validation(inputs: Inputs, training: TrainingFolder) -> None:
    """Read the validation of a training, unless the potential has changed since."""
    found = inputs.attempt(training.folder / VALIDATION_FILE, read_validation)
    if found is None:
        return
    potential = training.folder / found.potential
    inside = potential.is_file() and potential.resolve().is_relative_to(inputs.root.resolve())
    now = inputs.attempt(potential, file_sha256) if inside else None
    training.outdated_validation = now is not None and now != found.potential_sha256
    training.validation = None if training.outdated_validation else found


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
