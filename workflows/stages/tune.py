"""Stage *tune*: run a study of the campaign's variant on its dataset in ``tuning/<variant>/``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workflows.stage import Stage, StageJobs
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from workflows.tuning.status import StudyStatus


def tune(workdir: Workdir) -> StudyStatus:
    """Run or resume the campaign's study, and return its status.

    Raises
    ------
    CuprolithError
        If the campaign has no section ``tuning``, there is no dataset, or a step fails.
    """
    from workflows.tuning.run import run_campaign_study

    return run_campaign_study(workdir)


def _jobs(workdir: Workdir) -> StageJobs:
    """Begin the campaign's study and return the jobs that remain."""
    from workflows.jobs.job_folder import JobFolder
    from workflows.tuning.flow import study_flow
    from workflows.tuning.request import StudyRequest

    request = StudyRequest.from_workdir(workdir)
    request.begin()
    flow = study_flow(request.folder)
    folder = JobFolder(request.folder / "jobs", request.folder)
    return StageJobs(folder, [] if flow is None else [flow], "the study")


def _command(_: Callable[..., None]) -> Callable[..., None]:
    from workflows.stage_commands.tune import tune as command

    return command


STAGE = Stage(
    name="tune",
    follows="validate",
    run=tune,
    output=lambda workdir, variant: workdir.study(variant) / "pareto.json",
    help="Search hyper-parameters for accuracy and speed: propose, measure, train, repeat. "
    "Interrupt it at any time; the same command resumes it, and more generations extend it.",
    jobs=_jobs,
    wanted=lambda campaign: campaign.tuning is not None,
    extend=_command,
)
