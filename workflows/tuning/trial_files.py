"""What the folder of a trial holds besides its training: its measurements and its result."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from analysis.tuning.trials import TRIALS_DIR
from cuprolith.json_files import write_json
from training.tuning.trial import TrialMeasurements, TrialResult
from workflows.progress import announce
from workflows.tuning.folder import MEASUREMENTS_FILE, TRAINING_DIR, TRIAL_FILE
from workflows.tuning.storage import Proposal

Content = TypeVar("Content", bound=BaseModel)


class _MeasurementsFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    parameters: dict[str, Any]
    measurements: TrialMeasurements


class _ResultFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int
    generation: int
    result: TrialResult


def trial_training_folder(folder: Path, number: int) -> Path:
    """Folder of a trial's training."""
    return folder / TRIALS_DIR / str(number) / TRAINING_DIR


def read_measurements(folder: Path, proposal: Proposal) -> TrialMeasurements | None:
    """Return the measurements of a trial's untrained model; None if they have to be made."""
    found = _read(_path(folder, proposal, MEASUREMENTS_FILE), _MeasurementsFile)
    if found is None or found.parameters != proposal.parameters:
        return None
    return found.measurements


def write_measurements(folder: Path, proposal: Proposal, measurements: TrialMeasurements) -> None:
    """Write the measurements of a trial, whole or not at all."""
    content = _MeasurementsFile(parameters=proposal.parameters, measurements=measurements)
    _write(_path(folder, proposal, MEASUREMENTS_FILE), content)


def read_result(folder: Path, proposal: Proposal) -> TrialResult | None:
    """Return the result of a trial; None if it is not finished."""
    found = _read(_path(folder, proposal, TRIAL_FILE), _ResultFile)
    if found is None or found.result.parameters != proposal.parameters:
        return None
    return found.result


def write_result(folder: Path, proposal: Proposal, result: TrialResult) -> None:
    """Write the result of a trial, whole or not at all."""
    content = _ResultFile(number=proposal.number, generation=proposal.generation, result=result)
    _write(_path(folder, proposal, TRIAL_FILE), content)


def _path(folder: Path, proposal: Proposal, name: str) -> Path:
    return folder / TRIALS_DIR / str(proposal.source) / name


def _read(path: Path, model: type[Content]) -> Content | None:
    """Read a file; one that is damaged is announced and made again."""
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        announce(f"warning: {path} is damaged; it is made again")
        return None


def _write(path: Path, content: BaseModel) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, content.model_dump(mode="json"))
