"""Run or resume a study on this machine."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path

from analysis.tuning.pareto import Pareto, write_pareto
from analysis.tuning.trials import Study
from cuprolith.disk_space import DiskFullError
from cuprolith.progress import ProgressBar, progress_bar
from workflows.jobs.processes import even_shares, run_in_processes
from workflows.tuning import steps
from workflows.tuning.folder import REPORT_FILE, damage_explained
from workflows.tuning.request import Budget, StudyRequest
from workflows.tuning.status import StudyStatus, front_summary, study_status
from workflows.tuning.storage import Proposal
from workflows.tuning.study import load_study
from workflows.tuning.trials import NequIPTrials, show_epochs_on
from workflows.workdir import Workdir


def run_study(folder: Path, trials: NequIPTrials | None = None) -> StudyStatus:
    """Run the unfinished generations of a study, then write its results.

    Parameters
    ----------
    folder
        Folder of a study that has been begun.
    trials
        How trials are trained and measured; None uses NequIP.

    Raises
    ------
    CuprolithError
        If a step failed for a reason that is not the trial's; the same call tries it again.
    """
    folder = folder.resolve()
    study, trials = load_study(folder), trials or NequIPTrials()
    generation = steps.first_unfinished_generation(folder)
    if generation < study.tuning.generations:
        status = study_status(folder)
        # Finished trials of the unfinished generation are counted when it is run.
        finished = sum(trial.generation < generation for trial in status.record.trials)
        summary = front_summary(study, status.front)
        with progress_bar(f"tune {study.name}", total=study.tuning.n_trials) as bar:
            bar.advance(finished, summary)
            with show_epochs_on(bar):
                for number in range(generation, study.tuning.generations):
                    front = _run_generation(folder, study, trials, number, summary, bar)
                    summary = front_summary(study, front)
    return write_results(folder)


def run_campaign_study(workdir: Workdir, budget: Budget | None = None) -> StudyStatus:
    """Begin or continue the study of the campaign in a workdir, and run it.

    Raises
    ------
    CuprolithError
        If the campaign has no section ``tuning``, there is no dataset, or a step fails.
    """
    request = StudyRequest.from_workdir(workdir).with_budget(budget or Budget())
    request.begin()
    status = run_study(request.folder)
    workdir.record_seconds("tune", status.training_seconds)
    return status


def write_results(folder: Path) -> StudyStatus:
    """Write ``pareto.json`` and ``report.html`` of a study from its finished trials."""
    from analysis.report.study_page import write_study_page

    with damage_explained(folder):
        write_pareto(folder)
        write_study_page(folder, folder / REPORT_FILE)
    return study_status(folder)


def _run_generation(
    folder: Path,
    study: Study,
    trials: NequIPTrials,
    generation: int,
    summary: str,
    bar: ProgressBar,
) -> Pareto:
    proposals = steps.propose_generation(folder, generation)
    for proposal in steps.not_measured(folder, proposals):
        bar.say(", ".join(filter(None, (summary, f"measure trial {proposal.number}"))))
        steps.measure_trial(folder, trials, proposal)
    left = steps.not_trained(folder, proposals)
    bar.advance(len(proposals) - len(left))
    _train(folder, trials, left, study.tuning.workers, bar)
    return steps.tell_generation(folder, generation)


def _train(
    folder: Path,
    trials: NequIPTrials,
    proposals: Sequence[Proposal],
    workers: int,
    bar: ProgressBar,
) -> None:
    """Train side by side; if one training fails, the others finish, except on a full disk."""
    errors: list[Exception] = []
    train = functools.partial(steps.train_trial, folder, trials)
    outcomes: Generator[tuple[Proposal, Exception | None], None, None]
    if workers == 1:
        outcomes = ((proposal, _error_of(train, proposal)) for proposal in proposals)
    else:
        outcomes = run_in_processes(train, proposals, even_shares(workers))
    with closing(outcomes):
        for proposal, error in outcomes:
            if isinstance(error, DiskFullError):
                raise error
            if error is not None:
                errors.append(error)
            bar.advance(1, f"trained trial {proposal.number}")
    if errors:
        raise errors[0]


def _error_of(train: Callable[[Proposal], None], proposal: Proposal) -> Exception | None:
    try:
        train(proposal)
    except Exception as error:  # noqa: BLE001  # raised once the other trainings are finished
        return error
    return None
