"""Arguments and options that the commands for queues share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cuprolith.errors import CuprolithError
from workflows.stage_commands.console import error_console, say

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

    from workflows.hpc.jobs.retry import Action
    from workflows.hpc.setup.project import ProjectFiles

DEFAULT_PROJECT = "cuprolith"

ProjectOption = Annotated[
    str | None,
    typer.Option("--project", "-p", help="jobflow-remote project; default: that of `jf`."),
]
JobArgument = Annotated[
    str | None, typer.Argument(help="Number of a job, or its uuid or the start of its uuid.")
]
CampaignNameOption = Annotated[
    str | None,
    typer.Option("--campaign", "-c", help="Name or file; not needed if there is only one."),
]
CampaignNameArgument = Annotated[
    str | None, typer.Argument(help="Name or file; not needed if the project has only one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def project_files(project: str | None) -> ProjectFiles:
    """Return where the files of a project are.

    Raises
    ------
    CuprolithError
        If no project can have that name.
    """
    from workflows.hpc.setup.project import ProjectFiles, default_project, projects_folder
    from workflows.hpc.setup.settings import project_name

    try:
        name = project_name(project or default_project() or DEFAULT_PROJECT)
    except ValueError as error:
        raise CuprolithError(str(error), key="--project", remedy="choose another name") from None
    return ProjectFiles(projects_folder(), name)


def the_campaign(controller: JobController, given: str | None) -> str:
    """Return the name of the campaign given by its name or its file, or else of the only one.

    Raises
    ------
    CuprolithError
        If the database has no such campaign, or none is given and there is not exactly one.
    """
    from workflows.hpc.jobs.campaign_jobs import campaign_names, has_campaign

    names = campaign_names(controller)
    if given is not None:
        name = given
        if Path(given).suffix in (".yaml", ".yml"):
            from workflows.inputs.campaign import load_campaign

            name = load_campaign(Path(given)).name
        # a search through all jobs comes last: it takes as long as a whole status
        if name in names or has_campaign(controller, name):
            return name
        raise CuprolithError(
            f"no jobs of campaign {name}; campaigns here: {', '.join(names) or 'none'}",
            remedy="submit it, or specify another --project",
        )
    if len(names) == 1:
        return names[0]
    raise CuprolithError(
        f"several campaigns found: {', '.join(names)}" if names else "no campaign here",
        remedy=f"specify one, e.g. `cuprolith status {names[0]}`"
        if names
        else "run `cuprolith submit CAMPAIGN`, or specify another --project",
    )


@contextmanager
def quiet_jobflow_remote() -> Iterator[None]:
    """Hide what jobflow-remote logs and warns."""
    import logging
    import warnings

    logging.getLogger("jobflow_remote").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def quiet_database(project: str | None) -> Iterator[JobController]:
    """Open a project's database; do not show what jobflow-remote logs and warns meanwhile."""
    from workflows.hpc.jobs.job_database import opened_database

    with quiet_jobflow_remote(), opened_database(project) as controller:
        yield controller


def confirmed(question: str, *, yes: bool) -> None:
    """Ask, unless `yes`; end the command if the answer is no."""
    if not yes:
        typer.confirm(question, abort=True)


def show_results(results: Iterable[Action | CuprolithError]) -> None:
    """Print what was done with jobs, or why nothing was; exit with 1 if so."""
    refused = False
    for result in results:
        if isinstance(result, CuprolithError):
            refused = True
            error_console.print(f"[yellow]•[/] {escape(str(result))}", soft_wrap=True)
            continue
        jf = f"  [dim]{escape(result.jf)}[/]" if result.jf else ""
        say(f"[green]✓[/] {escape(result.what)} {escape(result.done)}{jf}")
    if refused:
        raise typer.Exit(1)
