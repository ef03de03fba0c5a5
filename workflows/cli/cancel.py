"""``cuprolith cancel``: stop jobs, also those in the queue."""

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


def cancel(
    job: JobArgument = None,
    every: Annotated[
        bool, typer.Option("--all", help="All jobs of the campaign that have not ended.")
    ] = False,
    campaign: CampaignNameOption = None,
    project: ProjectOption = None,
    yes: YesOption = False,
    debug: DebugOption = False,
) -> None:
    """Stop jobs, also those in the queue. `retry` runs one again, `submit` all.

    Exits with 1 if a job was not stopped.
    """
    with errors_shown(debug=debug), quiet_database(project) as controller:
        from workflows.hpc.jobs.campaign_jobs import CampaignJobs, find_job
        from workflows.hpc.jobs.cancel import STOPPABLE_STATES, cancel_all
        from workflows.hpc.jobs.cancel import cancel as cancel_job
        from workflows.hpc.jobs.job_states import NOT_BEGUN_STATES

        if (job is not None) == every:
            raise CuprolithError("which jobs?", remedy="give a job, or --all")
        if job is not None:
            found = find_job(controller, job)
            confirmed(f"stop job {found.db_id}, {found.name}, {found.state}?", yes=yes)
            show_results([cancel_job(controller, found)])
            return
        name = the_campaign(controller, campaign)
        states = {*NOT_BEGUN_STATES, *STOPPABLE_STATES}
        n_jobs = sum(1 for _ in CampaignJobs(controller, name).in_states(*states))
        if not n_jobs:
            console.print("all jobs have ended")
            return
        confirmed(f"stop {plural(n_jobs, 'job')} of campaign {name}?", yes=yes)
        show_results(cancel_all(controller, name))
