"""Work off a study on this machine, from wherever it was stopped."""

from __future__ import annotations

from pathlib import Path

from jobflow import Flow

from analysis.tuning.pareto import write_pareto
from cuprolith.errors import CuprolithError
from workflows.jobs.job_folder import JobFailure
from workflows.jobs.observer import Observer
from workflows.jobs.runner import RunSummary, run_flow
from workflows.tuning.flow import study_flow
from workflows.tuning.folder import LOG_FILE, REPORT_FILE, study_jobs
from workflows.tuning.progress import study_bar
from workflows.tuning.standing import Standing, standing
from workflows.tuning.storage import damage_explained, opened_storage
from workflows.tuning.study import load_study
from workflows.tuning.trials import NequIPTrials


def run_study(folder: Path, trials: NequIPTrials | None = None) -> Standing:
    """Run the generations of a study that are not finished, then judge it.

    Parameters
    ----------
    folder
        Folder of a study that has been begun.
    trials
        What trains and measures.

    Raises
    ------
    CuprolithError
        If a job failed for another reason than a trial's own; the same call tries it again.
    """
    study = load_study(folder)
    flow = open_flow(folder, trials)
    if flow is not None:
        with study_bar(f"tune {study.name}", folder) as progress:
            summary = _run(flow, folder, study.tuning.workers, progress)
        for failure in summary.failures:
            raise job_error(failure, folder)
    return conclude(folder)


def open_flow(folder: Path, trials: NequIPTrials | None = None) -> Flow | None:
    """Return the flow of what is left of a study; None if nothing is."""
    study = load_study(folder)
    with damage_explained(folder), opened_storage(folder, study) as storage:
        generation = storage.open_generation()
    if generation >= study.tuning.generations:
        return None
    return study_flow(folder.resolve(), trials or NequIPTrials(), generation)


def conclude(folder: Path) -> Standing:
    """Write ``pareto.json`` and ``report.html`` of a study from the trials told."""
    from analysis.tuning.page import write_study_page

    with damage_explained(folder):
        write_pareto(folder)
        write_study_page(folder, folder / REPORT_FILE)
        return standing(folder)


def job_error(failure: JobFailure, folder: Path) -> CuprolithError:
    """Explain a job that ended in an exception."""
    error = CuprolithError(
        f"{failure.name}: {failure.error}",
        where=str(folder),
        remedy="mend it and give the same command again: what is finished is kept",
    )
    error.add_note(failure.traceback)
    return error


def _run(flow: Flow, folder: Path, workers: int, progress: Observer) -> RunSummary:
    jobs, log = study_jobs(folder), folder / LOG_FILE
    return run_flow(flow, jobs, observer=progress, log_path=log, workers=workers)
