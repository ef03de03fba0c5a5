"""A study as jobflow jobs: propose → measure one by one → train side by side → tell → propose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jobflow import Flow, Job, Response, job

from analysis.tuning.pareto import write_pareto
from cuprolith.errors import CuprolithError
from cuprolith.json_files import read_json, write_json
from training.tuning.settings import LimitSettings
from training.tuning.trial import (
    TrialAccuracy,
    TrialMeasurements,
    TrialResult,
    accuracy_name,
    constraint_values,
    exceeded_limits,
    objective_values,
)
from workflows.jobs.job_ids import stable_uuid
from workflows.jobs.runner import ALWAYS_RUN
from workflows.jobs.side_by_side import SIDE_BY_SIDE
from workflows.tuning.folder import JOBS_DIR, trial_file
from workflows.tuning.steps import MEASURE, PROPOSE, RESOURCE, RESOURCES, STEP, TELL, TRAIN
from workflows.tuning.storage import FAILURE, Proposal, opened_storage
from workflows.tuning.study import Study, load_study
from workflows.tuning.trials import NequIPTrials


def study_flow(folder: Path, trials: NequIPTrials, generation: int) -> Flow:
    """Return the flow that works off a study from a generation on.

    Jobs know the study by its folder alone, and their ids are made of its hash, so that they can
    run anywhere and in any process that sees this folder.

    Parameters
    ----------
    folder
        Folder of the study.
    trials
        What trains and measures.
    generation
        The first one that is not told to its end.
    """
    study = load_study(folder)
    first = _propose_job(study, folder, trials, generation, after=None)
    return Flow([first], name=f"tune {study.name}")


@job
def propose(
    folder: str, trials: NequIPTrials, generation: int, after: dict[str, Any] | None
) -> Response:
    """Propose a generation, and lead to its trials and the next generation."""
    study = load_study(Path(folder))
    with opened_storage(Path(folder), study) as storage:
        proposals = storage.propose(generation, study.tuning.offspring, study.warm_start)
    jobs = _generation_jobs(study, Path(folder), trials, generation, proposals)
    numbers = [proposal.number for proposal in proposals]
    return Response(
        output={"generation": generation, "trials": numbers},
        detour=Flow(jobs, name=f"generation {generation}"),
    )


@job
def measure_trial(folder: str, trials: NequIPTrials, proposal: dict[str, Any]) -> dict[str, Any]:
    """Measure the model of a trial, untrained, while nothing is trained."""
    known = _known_result(Path(folder), proposal)
    if known is not None:
        measured = known.model_dump(mode="json", include=set(TrialMeasurements.model_fields))
    else:
        study = load_study(Path(folder))
        number, parameters = proposal["number"], proposal["parameters"]
        made = trials.measure(study, Path(folder), number, parameters)
        measured = made.model_dump(mode="json")
    return measured


@job
def train_trial(
    folder: str,
    trials: NequIPTrials,
    proposal: dict[str, Any],
    measured: dict[str, Any],
    after: list[Any],
) -> dict[str, Any]:
    """Train the model of a trial, unless it exceeds a limit as it is, and write ``trial.json``."""
    result = _known_result(Path(folder), proposal)
    if result is None:
        model = TrialMeasurements.model_validate(measured)
        result = _trained(Path(folder), trials, proposal, model)
    where = {"number": proposal["number"], "generation": proposal["generation"]}
    path = trial_file(Path(folder), proposal["number"])
    write_json(path, where | result.model_dump(mode="json"))
    return {"number": proposal["number"], FAILURE: result.failure}


def _trained(
    folder: Path, trials: NequIPTrials, proposal: dict[str, Any], measured: TrialMeasurements
) -> TrialResult:
    study, number, parameters = load_study(folder), proposal["number"], proposal["parameters"]
    untrained = TrialAccuracy(
        accuracy_name=accuracy_name(has_forces=study.has_forces),
        max_epochs=study.training.max_epochs,
    )
    result = TrialResult.of(parameters, untrained, measured)
    if measured.failure is not None or exceeded_limits(result, study.tuning.limits):
        return result
    accuracy = trials.train(study, folder, number, parameters)
    if accuracy.failure is None:
        measured = trials.with_stability(study, folder, number, measured)
    return TrialResult.of(parameters, accuracy, measured)


@job
def tell(folder: str, generation: int, trials: list[dict[str, Any]]) -> dict[str, Any]:
    """Tell the storage what became of a generation, and judge the study so far."""
    study = load_study(Path(folder))
    with opened_storage(Path(folder), study) as storage:
        for trial in trials:
            result = stored_result(Path(folder), trial["number"])
            if result is None:
                raise CuprolithError(
                    "the result of a finished trial is gone",
                    where=str(trial_file(Path(folder), trial["number"])),
                    remedy=f"remove {JOBS_DIR} from the study's folder, then give the same "
                    "command again: only what is gone is run again",
                )
            objectives = objective_values(result, study.tuning)
            constraints = constraint_values(result, study.tuning.limits)
            storage.tell(
                trial["number"],
                objectives,
                dict(zip(study.limits, constraints, strict=True)),
                _shown(result, trial["number"], study.tuning.limits),
            )
    front = write_pareto(Path(folder))
    return {
        "generation": generation,
        "hypervolume": front.hypervolume,
        "front": [point.number for point in front.points],
    }


def _generation_jobs(
    study: Study,
    folder: Path,
    trials: NequIPTrials,
    generation: int,
    proposals: list[Proposal],
) -> list[Job]:
    steps = [{**vars(proposal), "generation": generation} for proposal in proposals]
    measure = [
        _named(measure_trial(str(folder), trials, step), study, MEASURE, *_identity(step))
        for step in steps
    ]
    # Every measurement comes before every training, and shares the machine with none.
    after = [other.output["peak_memory_bytes"] for other in measure]
    train = []
    for step, measured in zip(steps, measure, strict=True):
        made = train_trial(str(folder), trials, step, measured.output, after)
        made.update_metadata({SIDE_BY_SIDE: True}, dynamic=False)
        train.append(_named(made, study, TRAIN, *_identity(step)))
    told = tell(str(folder), generation, [trained.output for trained in train])
    told = _named(told, study, TELL, f"generation {generation}", str(generation))
    told.update_metadata({ALWAYS_RUN: True}, dynamic=False)
    jobs = [*measure, *train, told]
    if generation + 1 < study.tuning.generations:
        jobs.append(_propose_job(study, folder, trials, generation + 1, after=told.output))
    return jobs


def _propose_job(
    study: Study, folder: Path, trials: NequIPTrials, generation: int, after: Any
) -> Job:
    made = propose(str(folder), trials, generation, after)
    # The storage knows what is proposed; a larger budget leads on where a smaller one ended.
    made.update_metadata({ALWAYS_RUN: True}, dynamic=False)
    return _named(made, study, PROPOSE, f"generation {generation}", str(generation))


def _identity(step: dict[str, Any]) -> tuple[str, str, str]:
    """Name of a trial's job, and what its id is made of."""
    number, parameters = step["number"], step["parameters"]
    return f"trial {number}", str(number), json.dumps(parameters, sort_keys=True)


def _named(made: Job, study: Study, step: str, what: str, *identity: str) -> Job:
    made.name = f"{step} {what}"
    made.set_uuid(stable_uuid("tuning", study.hash, step, *identity))
    made.update_metadata({STEP: step, RESOURCE: RESOURCES[step]}, dynamic=False)
    return made


def _known_result(folder: Path, proposal: dict[str, Any]) -> TrialResult | None:
    """Return what became of a trial, or of its twin."""
    for number in (proposal["number"], proposal["twin"]):
        result = None if number is None else stored_result(folder, number)
        if result is not None and result.parameters == proposal["parameters"]:
            return result
    return None


def stored_result(folder: Path, number: int) -> TrialResult | None:
    """Return what became of a trial; None if its folder does not say."""
    path = trial_file(folder, number)
    if not path.is_file():
        return None
    content = read_json(path)
    fields = {key: value for key, value in content.items() if key in TrialResult.model_fields}
    return TrialResult.model_validate(fields)


def _shown(result: TrialResult, number: int, limits: LimitSettings) -> dict[str, Any]:
    """Numbers of a trial to show in optuna-dashboard, flat, without what is unknown."""
    inference, cost = result.inference, result.cost
    numbers = {
        "folder": f"trials/{number}",
        FAILURE: result.failure,
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
