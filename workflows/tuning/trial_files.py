"""Read and write the measurements and the result of a trial in its folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from analysis.tuning.trials import TRIALS_DIR
from cuprolith.json_files import write_json
from training.tuning.trial import TrialResult
from workflows.progress import announce
from workflows.tuning.folder import TRAINING_DIR
from workflows.tuning.storage import Proposal


def trial_training_folder(folder: Path, number: int) -> Path:
    """Return the folder of a trial's training."""
    return folder / TRIALS_DIR / str(number) / TRAINING_DIR


def read_trial(folder: Path, proposal: Proposal, name: str) -> TrialResult | None:
    """Read a file of a trial; None if it is missing, damaged or of other hyper-parameters.

    A damaged file is announced.
    """
    path = folder / TRIALS_DIR / str(proposal.source) / name
    try:
        found = TrialResult.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        announce(f"warning: {path} is damaged; it is made again")
        return None
    return found if found.parameters == proposal.parameters else None


def write_trial(folder: Path, proposal: Proposal, name: str, result: TrialResult) -> None:
    """Write a file of a trial, whole or not at all."""
    path = folder / TRIALS_DIR / str(proposal.source) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, result.model_dump(mode="json"))
