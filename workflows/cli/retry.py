"""``cuprolith retry``: run failed jobs of the queue again."""

from __future__ import annotations

from typing import Annotated

import typer

from cuprolith.errors import CuprolithError
from cuprolith.words import plural
from workflows.cli.hpc_options import (
    CampaignNameOption,
    JobArgument,
    ProjectOption,
    YesOption,
    confirmed,
    quiet_database,
    show_results,
    the_campaign,
)
from workflows.stage_commands.console import console, errors_shown
from workflows.stage_commands.options import DebugOption


def retry(
    job: JobArgument = None,
    failed: Annotated[bool, typer.Option("--failed", help="All failed jobs.")] = False,
    stage: Annotated[
        str | None, typer.Option("--stage", help="All failed jobs of one stage.")
    ] = None,
    campaign: CampaignNameOption = None,
    project: ProjectOption = None,
    yes: YesOption = False,
    debug: DebugOption = False,
) -> None:
    """Run failed jobs again, repeat failed transfers, and recover jobs that a killed runner left.

    Exits with 1 if a job was not tried again.
    """
    with errors_shown(debug=debug), quiet_database(project) as controller:
        from workflows.hpc.jobs.campaign_jobs import CampaignJobs, find_job
        from workflows.hpc.jobs.job_states import FAILED_STATES
        from workflows.hpc.jobs.retry import retry as retry_job
        from workflows.hpc.jobs.retry import retry_all

        if (job is not None) == (failed or stage is not None):
            raise CuprolithError("which jobs?", remedy="give a job, or --failed, or --stage")
        if job is not None:
            show_results([retry_job(controller, find_job(controller, job))])
            return
        all_jobs = CampaignJobs(controller, the_campaign(controller, campaign))
        jobs = list(all_jobs.in_states(*FAILED_STATES, stage=stage))
        if not jobs:
            console.print("no job has failed")
            return
        confirmed(f"run {plural(len(jobs), 'job')} again?", yes=yes)
        show_results(retry_all(controller, jobs))
