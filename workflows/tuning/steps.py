"""The steps of a study, at home and in a queue: propose → measure → train → tell.

Each step finds in the storage and in the folders of the trials what is done already, so that it can
be interrupted and repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from analysis.tuning.pareto import Pareto, write_pareto
from analysis.tuning.trials import RESULT, TRIALS_DIR
from cuprolith.disk_space import DiskFullError, is_disk_full
from cuprolith.errors import CuprolithError, WallTimeError
from cuprolith.json_files import write_json
from cuprolith.progress import announce
from training.tuning.objectives import constraint_values, exceeded_limits, objective_values
from training.tuning.settings import LimitSettings
from training.tuning.trial import (
    TrialAccuracy,
    TrialResult,
    accuracy_name,
)
from workflows.tuning.folder import MEASUREMENTS_FILE, TRIAL_FILE
from workflows.tuning.storage import Proposal, opened_storage
from workflows.tuning.study import load_study
from workflows.tuning.trials import NequIPTrials


def first_unfinished_generation(folder: Path) -> int:
    """Return the first generation of a study that is not finished."""
    study = load_study(folder)
    with opened_storage(folder, study) as storage:
        return storage.first_unfinished_generation()


def propose_generation(folder: Path, generation: int) -> list[Proposal]:
    """Return the trials of a generation; those that are missing are proposed."""
    study = load_study(folder)
    with opened_storage(folder, study) as storage:
        return storage.propose(generation, study.tuning.offspring, study.warm_start)


def not_measured(folder: Path, proposals: Sequence[Proposal]) -> list[Proposal]:
    """Return the trials whose models are not measured yet; of equal trials the first."""
    return [
        proposal
        for proposal in not_trained(folder, proposals)
        if read_trial(folder, proposal, MEASUREMENTS_FILE) is None
    ]


def not_trained(folder: Path, proposals: Sequence[Proposal]) -> list[Proposal]:
    """Return the trials that have no result yet; of equal trials the first."""
    return [
        proposal
        for proposal in proposals
        if proposal.source == proposal.number and read_trial(folder, proposal, TRIAL_FILE) is None
    ]


def measure_trial(folder: Path, trials: NequIPTrials, proposal: Proposal) -> None:
    """Measure the untrained model of a trial, unless it is measured.

    Raises
    ------
    CuprolithError
        If it cannot be measured for a reason that is not the model's.
    """
    if not not_measured(folder, [proposal]):
        return
    study = load_study(folder)
    untrained = TrialAccuracy(
        accuracy_name=accuracy_name(has_forces=study.has_forces),
        max_epochs=study.training.max_epochs,
    )
    with _explained(f"measure trial {proposal.number}", folder):
        measured = trials.measure(study, folder, proposal.number, proposal.parameters)
        result = TrialResult.of(proposal.parameters, untrained, measured)
        write_trial(folder, proposal, MEASUREMENTS_FILE, result)


def train_trial(folder: Path, trials: NequIPTrials, proposal: Proposal) -> None:
    """Train the measured model of a trial, unless it exceeds a limit, and write its result.

    Raises
    ------
    CuprolithError
        If it cannot be trained for a reason that is not the model's.
    """
    if not not_trained(folder, [proposal]):
        return
    with _explained(f"train trial {proposal.number}", folder):
        write_trial(folder, proposal, TRIAL_FILE, _trained(folder, trials, proposal))


def tell_generation(folder: Path, generation: int) -> Pareto:
    """Store the results of a generation, and write the front so far.

    Raises
    ------
    CuprolithError
        If a trial of the generation has no result.
    """
    study = load_study(folder)
    with opened_storage(folder, study) as storage:
        for proposal in storage.unfinished(generation):
            result = read_trial(folder, proposal, TRIAL_FILE)
            if result is None:
                raise CuprolithError(
                    f"trial {proposal.number} has no result",
                    where=str(folder / TRIALS_DIR / str(proposal.source)),
                    remedy="rerun the same command: only what is missing is computed again",
                )
            constraints = constraint_values(result, study.tuning.limits)
            storage.tell(
                proposal.number,
                objective_values(result, study.tuning),
                dict(zip(study.tuning.limits.chosen, constraints, strict=True)),
                _attributes(result, proposal.number, study.tuning.limits),
            )
    return write_pareto(folder)


def _trained(folder: Path, trials: NequIPTrials, proposal: Proposal) -> TrialResult:
    study, number, parameters = load_study(folder), proposal.number, proposal.parameters
    untrained = read_trial(folder, proposal, MEASUREMENTS_FILE)
    if untrained is None:
        raise CuprolithError("the model has not been measured", remedy="rerun the same command")
    if untrained.failure is not None or exceeded_limits(untrained, study.tuning.limits):
        return untrained
    measured = untrained.measurements
    accuracy = trials.train(study, folder, number, parameters)
    if accuracy.failure is None:
        measured = trials.with_stability(study, folder, number, measured)
    return TrialResult.of(parameters, accuracy, measured)


@contextmanager
def _explained(step: str, folder: Path) -> Iterator[None]:
    """Name the step that failed; a full disk and the end of a job's time stay what they are."""
    try:
        yield
    except (DiskFullError, WallTimeError):
        raise
    except Exception as error:
        if is_disk_full(error):
            raise DiskFullError(f"no space left on the disk ({error})", str(folder)) from error
        raise CuprolithError(
            f"{step}: {error}",
            where=str(folder),
            remedy="fix the cause and rerun the same command: everything finished is kept",
        ) from error


def _attributes(result: TrialResult, number: int, limits: LimitSettings) -> dict[str, Any]:
    """Return the result, and the known numbers to show in optuna-dashboard."""
    inference, cost = result.inference, result.cost
    numbers = {
        RESULT: result.model_dump(mode="json"),
        "folder": f"{TRIALS_DIR}/{number}",
        "failure": result.failure,
        "exceeds": "; ".join(exceeded_limits(result, limits)) or None,
        result.accuracy_name: result.accuracy,
        "epochs": result.epochs,
        "training_seconds": result.training_seconds,
        "inference_us_per_atom": inference.per_atom_seconds * 1e6 if inference else None,
        "inference_spread": inference.spread if inference else None,
        "mflop_per_atom": cost.flops_per_atom / 1e6 if cost else None,
        "peak_memory_mib": (
            result.peak_memory_bytes / 2**20 if result.peak_memory_bytes is not None else None
        ),
        "energy_drift": result.energy_drift,
    }
    return {name: value for name, value in numbers.items() if value is not None}


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
