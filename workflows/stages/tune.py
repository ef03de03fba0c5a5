"""Stage *tune*: a study of the campaign's variant on its dataset into ``tuning/<variant>/``."""

from __future__ import annotations

from jobflow import Flow

from workflows.tuning import flow
from workflows.tuning.request import Budget, StudyRequest
from workflows.tuning.run import run_study, write_results
from workflows.tuning.status import StudyStatus
from workflows.workdir import Workdir


def tune(workdir: Workdir, budget: Budget | None = None) -> StudyStatus:
    """Run the campaign's study, or continue it, or return what is finished.

    Raises
    ------
    CuprolithError
        If the campaign asks for none, there is no dataset, or a job fails.
    """
    request = StudyRequest.of_workdir(workdir).with_budget(budget or Budget())
    request.begin()
    return _recorded(workdir, run_study(request.folder))


def study_flow(workdir: Workdir) -> Flow | None:
    """Begin the campaign's study and return the flow of what is left of it; None if nothing is."""
    request = StudyRequest.of_workdir(workdir)
    request.begin()
    return flow.study_flow(request.folder)


def write_study_results(workdir: Workdir) -> StudyStatus:
    """Write front and page of the campaign's study from its finished trials."""
    return _recorded(workdir, write_results(workdir.study(workdir.campaign().training.variant)))


def _recorded(workdir: Workdir, status: StudyStatus) -> StudyStatus:
    workdir.record_seconds("tune", status.training_seconds)
    return status
