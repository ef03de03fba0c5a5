"""Arguments and options that the verbs on jobs in a queue share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cuprolith.errors import CuprolithError
from workflows.cli.console import console, error_console

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

    from workflows.hpc.jobs.retry import Action
    from workflows.hpc.setup.project import ProjectFiles

DEFAULT_PROJECT = "cuprolith"

ProjectOption = Annotated[
    str | None,
    typer.Option("--project", "-p", help="Project of jobflow-remote; default: as `jf` has it."),
]
JobArgument = Annotated[
    str | None, typer.Argument(help="Number of a job, or its uuid or the beginning of it.")
]
CampaignNameOption = Annotated[
    str | None,
    typer.Option("--campaign", "-c", help="Name or file; may be left out if there is only one."),
]
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


def campaign_name(given: str) -> str:
    """Return the name of a campaign given by its name or its file."""
    path = Path(given)
    if path.suffix not in (".yaml", ".yml"):
        return given
    from workflows.inputs.campaign import load_campaign

    return load_campaign(path).name


def the_campaign(controller: JobController, given: str | None) -> str:
    """Return the campaign that is meant.

    Raises
    ------
    CuprolithError
        If the database has no such campaign, or none is given and there is not exactly one.
    """
    from workflows.hpc.jobs.campaign_jobs import campaign_names, has_campaign

    name = campaign_name(given) if given is not None else None
    names = campaign_names(controller)
    if name is not None:
        # to look through all jobs is the last resort: it takes as long as a whole status
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
    """Do not show what jobflow-remote logs and warns meanwhile."""
    import logging
    import warnings

    logging.getLogger("jobflow_remote").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def quiet_database(project: str | None) -> Iterator[JobController]:
    """Open a project's database; what jobflow-remote logs and warns meanwhile is not shown."""
    from workflows.hpc.jobs.job_database import opened_database

    with quiet_jobflow_remote(), opened_database(project) as controller:
        yield controller


def confirmed(question: str, *, yes: bool) -> None:
    """Ask, unless told not to; ends the command if the answer is no."""
    if not yes:
        typer.confirm(question, abort=True)


def show_action(action: Action) -> None:
    """Print what was done to a job, and jobflow-remote's command for it."""
    jf = f"  [dim]{escape(action.jf)}[/]" if action.jf else ""
    console.print(f"[green]✓[/] {escape(action.what)} {escape(action.done)}{jf}", soft_wrap=True)


def show_refusal(error: CuprolithError) -> None:
    """Print why nothing was done to a job."""
    error_console.print(f"[yellow]•[/] {escape(str(error))}", soft_wrap=True)
