"""A study: what is searched, on which data, in which folder; ``study.json`` holds all of it."""

from __future__ import annotations

import json
import os
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, ValidationError

from analysis.tuning.trials import STUDY_FILE, StudyFile
from cuprolith.errors import CuprolithError
from cuprolith.hashes import sha256
from cuprolith.json_files import read_json, write_json
from training.optimization.parameters import Parameter
from training.settings import TrainingSettings
from training.source import SourceSettings, TrainingSource
from training.tuning.search_spaces import SearchSpaceError, check_study, search_space
from training.tuning.settings import TuningSettings
from workflows.training_runs import explained, open_data
from workflows.tuning.folder import claim_study_folder

_PACKAGES = ("cuprolith", "optuna", "moocore", "torch", "nequip", "nequip-allegro")


class Study(StudyFile):
    """One multi-objective optimisation of one variant on one dataset.

    Attributes
    ----------
    warm_start
        Points of other studies that are tried first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    warm_start: tuple[dict[str, Any], ...] = ()

    @property
    def limits(self) -> tuple[str, ...]:
        """Names of the limits that are set: the constraints, in their order."""
        return tuple(self.tuning.limits.chosen)

    def source(self, folder: Path) -> TrainingSource:
        """Open the data of the study in a folder.

        Raises
        ------
        CuprolithError
            If it is not there, or not whole.
        """
        return open_data(self.data, folder / self.data_root)


def make_study(
    name: str,
    seed: int,
    data: SourceSettings,
    data_root: Path,
    training: TrainingSettings,
    tuning: TuningSettings,
    *,
    dataset: str,
    folder: Path,
    warm_start: tuple[dict[str, Any], ...] = (),
) -> Study:
    """Define a study; nothing is written.

    Raises
    ------
    CuprolithError
        If the data is not there, or the study could not give what it asks for.
    """
    source = open_data(data, data_root)
    try:
        check_study(training, tuning, has_forces=source.has_forces)
    except SearchSpaceError as error:
        raise CuprolithError(str(error), key="tuning") from error
    space = search_space(training.variant, tuning)
    with explained(f"data: {data_root / data.place}"):
        study_hash = _hash(seed, training, tuning, space, source)
    return Study(
        name=name,
        variant=training.variant,
        dataset=dataset,
        seed=seed,
        hash=study_hash,
        data=data,
        data_root=os.path.relpath(data_root.resolve(), folder.resolve()),
        symbols=source.symbols,
        has_forces=source.has_forces,
        search_space=space,
        training=training,
        tuning=tuning,
        warm_start=warm_start,
        versions={package: metadata.version(package) for package in _PACKAGES},
    )


def begin_study(study: Study, folder: Path) -> Path | None:
    """Begin a study in a folder, or continue the study there.

    Returns
    -------
    Where another study that lay there has been moved to; None if there was none.

    Raises
    ------
    CuprolithError
        If the folder holds something else.
    """
    moved = claim_study_folder(folder, study.hash)
    if (folder / STUDY_FILE).is_file():
        known = load_study(folder).warm_start
        new = tuple(point for point in study.warm_start if point not in known)
        study = study.model_copy(update={"warm_start": known + new})
    write_json(folder / STUDY_FILE, study.model_dump(mode="json"))
    return moved


def load_study(folder: Path) -> Study:
    """Read the study in a folder.

    Raises
    ------
    CuprolithError
        If there is none, or its file is not one.
    """
    path = folder / STUDY_FILE
    if not path.is_file():
        raise CuprolithError(
            "no study here",
            where=str(folder),
            remedy="name the folder that `cuprolith tune` has made, the one with study.json",
        )
    try:
        return Study.model_validate(read_json(path))
    except ValidationError as error:
        raise CuprolithError(
            f"not the description of a study: {error}",
            where=str(path),
            remedy="rerun the command that made it",
        ) from error


def _hash(
    seed: int,
    training: TrainingSettings,
    tuning: TuningSettings,
    space: dict[str, Parameter],
    source: TrainingSource,
) -> str:
    """Hash of what decides a study, whatever its budget."""
    content = {
        "seed": seed,
        "training": training.model_dump(mode="json", exclude={"num_workers"}),
        "search_space": {name: space[name].model_dump(mode="json") for name in sorted(space)},
        "tuning": tuning.model_dump(
            mode="json", include={"inference", "limits", "reference_point"}
        ),
        "dataset": source.verified_hashes(stress=training.stress_weight > 0),
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return sha256(text)
