"""Validate a potential: choose sources, measure, and write ``validation.json``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from analysis.validation.measure import measure_all
from analysis.validation.property import PROPERTIES, Property
from analysis.validation.results import VALIDATION_FILE, Validation
from analysis.validation.source import Source
from analysis.validation.stored_measurements import MeasurementFolder
from cuprolith.errors import CuprolithError
from cuprolith.hashes import file_sha256
from workflows.engine import ENGINES, engine_settings
from workflows.engine_settings import EngineSettings
from workflows.labelling.calculator_engine import CalculatorEntry, CalculatorSettings
from workflows.labelling.label_plan import LabelPlan
from workflows.validation.calculators import EngineSource, model_source
from workflows.validation.labels import LABELS, LabelSource
from workflows.validation.summary import ValidationSummary
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from analysis.validation.material import Material
    from workflows.inputs.campaign import Campaign

_SHORT = 8


@dataclass(frozen=True)
class Question:
    """What is judged, against what, and by which properties.

    Attributes
    ----------
    model
        File of a potential; None for the one that the campaign has trained.
    against
        ``labels``, then the engine where they say nothing; or the name of an engine.
    properties
        Names; None for those of the campaign.
    """

    model: Path | None = None
    against: str = LABELS
    properties: Sequence[str] | None = None


def validate_campaign(workdir: Workdir, question: Question | None = None) -> ValidationSummary:
    """Validate a potential against the campaign in a workdir.

    Parameters
    ----------
    question
        None for what the stage asks: the campaign's potential, against its labels.

    Raises
    ------
    CuprolithError
        If there is no such potential, engine or property, or there are no structures.
    """
    from training.errors import TrainingError
    from workflows.validation.material import campaign_material

    asked = question or Question()
    campaign = workdir.campaign()
    chosen = _chosen(asked.properties, campaign.validation.properties)
    labels = LabelSource(LabelPlan.of(workdir))
    references = _references(asked.against, campaign, labels)
    try:
        model = asked.model or _trained(workdir, campaign)
        digest = _model_sha256(model)
        potential = model_source(model, digest, campaign.engine, campaign.seed, labels)
        r_max = _r_max(campaign) if asked.model is None else potential.calculator().r_max
        path = (
            workdir.validation(campaign.training.variant)
            if question is None
            else workdir.validations / _folder_name(model, digest) / VALIDATION_FILE
        )
        return _validated(
            chosen,
            campaign_material(workdir, r_max),
            [potential, *references],
            MeasurementFolder(workdir.measurements),
            _Judged(model, digest, asked.against, path, workdir.root),
        )
    except TrainingError as error:
        raise CuprolithError(str(error), where=str(workdir.root)) from error


def validate_model(
    model: Path, against: str, properties: Sequence[str] | None
) -> ValidationSummary:
    """Validate a potential without a campaign.

    Writes ``validations/<name>-<hash>/validation.json`` in the present folder.

    Parameters
    ----------
    against
        Name of an engine, then elemental crystals are judged; or the folder of a dataset, then its
        held-out frames and dynamics that start from them.

    Raises
    ------
    CuprolithError
        If there is no such potential, engine, dataset or property.
    """
    from training.dataset.card import DatasetError
    from training.errors import TrainingError
    from workflows.validation.dataset import is_dataset

    chosen = _chosen(properties, None)
    try:
        digest = _model_sha256(model)
        of_dataset = is_dataset(Path(against))
        prepare = _against_dataset if of_dataset else _against_engine
        material, sources = prepare(model, digest, against)
        root = Path("validations")
        path = root / _folder_name(model, digest) / VALIDATION_FILE
        folder = MeasurementFolder(root / "measurements")
        judged = _Judged(model, digest, against, path, root)
        return _validated(chosen, material, sources, folder, judged)
    except (TrainingError, DatasetError) as error:
        raise CuprolithError(str(error), where=str(model)) from error


def _against_engine(model: Path, digest: str, engine: str) -> tuple[Material, list[Source]]:
    from workflows.validation.elements import elemental_material

    settings = _named_engine(engine)
    potential = model_source(model, digest, settings, 0)
    calculator = potential.calculator()
    reference = EngineSource(settings, settings, 0)
    with reference.measuring():
        material = elemental_material(calculator.symbols, reference.calculator(), calculator.r_max)
    return material, [potential, reference]


def _against_dataset(model: Path, digest: str, directory: str) -> tuple[Material, list[Source]]:
    from training.sources.dataset import DatasetSource
    from workflows.validation.dataset import FrameLabels, dataset_material

    potential = model_source(model, digest, engine_settings(), 0)
    dataset = DatasetSource(Path(directory))
    material = dataset_material(dataset, potential.calculator().r_max)
    return material, [potential, FrameLabels(dataset)]


@dataclass(frozen=True)
class _Judged:
    """A potential, and where its validation goes."""

    model: Path
    sha256: str
    against: str
    path: Path
    root: Path


def _validated(
    chosen: Sequence[Property],
    material: Material,
    sources: Sequence[Source],
    folder: MeasurementFolder,
    judged: _Judged,
) -> ValidationSummary:
    measured = measure_all(chosen, material, sources[0], sources[1:], folder)
    validation = Validation(
        potential=_shown(judged),
        potential_sha256=judged.sha256,
        against=judged.against,
        seconds=round(measured.seconds, 3),
        values=measured.values,
        curves=measured.curves,
    )
    validation.write(judged.path)
    return ValidationSummary(validation, judged.path)


def _shown(judged: _Judged) -> str:
    """Path of the model, relative to the folder of the result where both are in the workdir."""
    model = judged.model.resolve()
    if not model.is_relative_to(judged.root.resolve()):
        return str(judged.model)
    return Path(os.path.relpath(model, judged.path.parent.resolve())).as_posix()


def _folder_name(model: Path, digest: str) -> str:
    return f"{model.name.partition('.')[0]}-{digest[:_SHORT]}"


def _model_sha256(model: Path) -> str:
    if not model.is_file():
        raise CuprolithError(
            "no such file", where=str(model), remedy="name a checkpoint, or a deployed model"
        )
    return file_sha256(model)


def _trained(workdir: Workdir, campaign: Campaign) -> Path:
    from training.nequip_runs.training_run import load_result

    folder = workdir.training(campaign.training.variant)
    result = load_result(folder)
    if result is None:
        raise CuprolithError(
            "no finished training here",
            where=str(folder),
            remedy=f"run `cuprolith train --workdir {workdir.root}` first, or name a --model",
        )
    return folder / result.checkpoint


def _r_max(campaign: Campaign) -> float | None:
    """Cutoff radius by the settings: the model need not be loaded when all is stored."""
    model = getattr(campaign.training, "model", None)
    r_max = getattr(model, "r_max", None)
    return float(r_max) if r_max is not None else None


def _chosen(asked: Sequence[str] | None, configured: Sequence[str] | None) -> list[Property]:
    names = asked if asked is not None else configured
    if names is None:
        return list(PROPERTIES)
    return [PROPERTIES[name] for name in dict.fromkeys(names)]


def _references(against: str, campaign: Campaign, labels: LabelSource) -> list[Source]:
    settings = campaign.engine
    if against == LABELS:
        if not isinstance(settings, CalculatorSettings):
            return [labels]
        return [labels, EngineSource(settings, settings, campaign.seed, labels)]
    engine: EngineSettings = settings if against == settings.name else _named_engine(against)
    if not isinstance(engine, CalculatorSettings):
        raise _not_a_calculator(against)
    return [EngineSource(engine, settings, campaign.seed, labels)]


def _named_engine(name: str) -> CalculatorSettings:
    """Return the default settings of an engine."""
    if name not in ENGINES or not isinstance(ENGINES[name], CalculatorEntry):
        raise _not_a_calculator(name)
    try:
        settings = engine_settings(name=name)
    except ValidationError as error:
        raise CuprolithError(
            f"--against {name}: this engine needs settings, such as a file of its model",
            remedy="validate in a campaign that has it as its engine",
        ) from error
    assert isinstance(settings, CalculatorSettings)
    return settings


def _not_a_calculator(name: str) -> CuprolithError:
    able = [entry.name for entry in ENGINES if isinstance(entry, CalculatorEntry)]
    return CuprolithError(
        f"--against {name}: no engine that computes in this process",
        remedy=f"choose one of {', '.join([LABELS, *able])}, or the folder of a dataset",
    )
