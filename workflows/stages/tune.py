"""Stage *tune*: a study of the campaign's variant on its dataset into ``tuning/<variant>/``."""

from __future__ import annotations

from jobflow import Flow

from workflows.tuning.request import Budget, StudyRequest
from workflows.tuning.run import conclude, open_flow, run_study
from workflows.tuning.standing import Standing
from workflows.workdir import Workdir


def tune(workdir: Workdir, budget: Budget | None = None) -> Standing:
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
    return open_flow(request.folder)


def judge(workdir: Workdir) -> Standing:
    """Judge the campaign's study as far as its trials have been told."""
    return _recorded(workdir, conclude(workdir.study(workdir.campaign().training.variant)))


def _recorded(workdir: Workdir, standing: Standing) -> Standing:
    workdir.record_seconds("tune", standing.training_seconds)
    return standing
