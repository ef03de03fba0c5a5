"""A study as the jobs of a queue: propose → measure → train in parallel → tell → propose.

The jobs call `workflows.tuning.steps` and keep no results: the folder of the study has the results,
from which each job finds out what is left to do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobflow import Flow, Job, Response, job

from analysis.tuning.trials import Study
from workflows.jobs.job_ids import stable_uuid
from workflows.jobs.runner import ALWAYS_RUN
from workflows.tuning import steps
from workflows.tuning.resources import RESOURCE
from workflows.tuning.storage import Proposal
from workflows.tuning.study import load_study
from workflows.tuning.trials import NequIPTrials

PROPOSE, MEASURE, TRAIN, TELL = "propose", "measure", "train", "tell"
_RESOURCES = {PROPOSE: "cpu", MEASURE: "gpu", TRAIN: "gpu", TELL: "cpu"}


def study_flow(folder: Path, trials: NequIPTrials | None = None) -> Flow | None:
    """Return the flow of the rest of a study; None if it is finished.

    Jobs know only the folder of the study, and their ids are made from its hash, so that they can
    run in any process that sees this folder.
    """
    study, generation = load_study(folder), steps.first_unfinished_generation(folder)
    if generation >= study.tuning.generations:
        return None
    first = _propose_job(study, folder.resolve(), trials or NequIPTrials(), generation)
    return Flow([first], name=f"tune {study.name}")


@job
def propose(folder: str, trials: NequIPTrials, generation: int, after: Any = None) -> Response:
    """Propose a generation, and add the jobs of its trials and of the next generation."""
    place = Path(folder)
    proposals = steps.propose_generation(place, generation)
    jobs = _generation_jobs(load_study(place), place, trials, generation, proposals)
    return Response(output=generation, detour=Flow(jobs, name=f"generation {generation}"))


@job
def measure(folder: str, trials: NequIPTrials, proposal: dict[str, Any]) -> int:
    """Measure the untrained model of a trial."""
    steps.measure_trial(Path(folder), trials, Proposal(**proposal))
    return int(proposal["number"])


@job
def train(folder: str, trials: NequIPTrials, proposal: dict[str, Any], after: list[Any]) -> int:
    """Train the model of a trial and write its result."""
    steps.train_trial(Path(folder), trials, Proposal(**proposal))
    return int(proposal["number"])


@job
def tell(folder: str, generation: int, after: list[Any]) -> int:
    """Store the results of a generation, and write the front so far."""
    steps.tell_generation(Path(folder), generation)
    return generation


def _generation_jobs(
    study: Study,
    folder: Path,
    trials: NequIPTrials,
    generation: int,
    proposals: Sequence[Proposal],
) -> list[Job]:
    measured = [
        _named(measure(str(folder), trials, vars(proposal)), study, MEASURE, *_identity(proposal))
        for proposal in steps.not_measured(folder, proposals)
    ]
    # All models are measured before one is trained, since a training would disturb the times.
    after = [made.output for made in measured]
    trained = [
        _named(train(str(folder), trials, vars(proposal), after), study, TRAIN,
               *_identity(proposal))
        for proposal in steps.not_trained(folder, proposals)
    ]  # fmt: skip
    last = tell(str(folder), generation, [made.output for made in trained])
    jobs = [*measured, *trained, _named(last, study, TELL, f"generation {generation}")]
    if generation + 1 < study.tuning.generations:
        jobs.append(_propose_job(study, folder, trials, generation + 1, last.output))
    return jobs


def _propose_job(
    study: Study, folder: Path, trials: NequIPTrials, generation: int, after: Any = None
) -> Job:
    made = propose(str(folder), trials, generation, after)
    return _named(made, study, PROPOSE, f"generation {generation}")


def _identity(proposal: Proposal) -> tuple[str, str]:
    """Return the name of a trial's job, and its parameters, which are part of the job's id."""
    return f"trial {proposal.number}", json.dumps(proposal.parameters, sort_keys=True)


def _named(made: Job, study: Study, step: str, what: str, *identity: str) -> Job:
    made.name = f"{step} {what}"
    made.set_uuid(stable_uuid("tuning", study.hash, step, what, *identity))
    # The folder of the study knows what is finished, not the record of a job.
    made.update_metadata({ALWAYS_RUN: True, RESOURCE: _RESOURCES[step]}, dynamic=False)
    return made
