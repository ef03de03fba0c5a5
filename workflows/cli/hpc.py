"""``cuprolith hpc init | check | prepare | script``: a cluster and its jobflow-remote project."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from workflows.cli.console import console, errors_shown
from workflows.cli.hpc_init import init
from workflows.cli.hpc_project import ProjectOption, ProjectsOption, project_files
from workflows.cli.options import DebugOption

app = typer.Typer(no_args_is_help=True)
app.command()(init)

_MARKS = {"ok": "[green]✓[/]", "missing": "[red]✗[/]", "note": "[yellow]•[/]"}


@app.callback()
def hpc() -> None:
    """Set up a cluster's queue for campaigns: SLURM, PBS or SGE, through jobflow-remote."""


@app.command()
def check(
    project: ProjectOption = None,
    projects_folder: ProjectsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    debug: DebugOption = False,
) -> None:
    """Check settings and project without contacting anything; exits with 1 if one is wrong."""
    with errors_shown(debug=debug):
        from workflows.hpc.setup.check import check_project

        checks = check_project(project_files(project, projects_folder))
        if as_json:
            import json

            typer.echo(json.dumps([found.model_dump() for found in checks], indent=1))
        else:
            for found in checks:
                console.print(
                    f"{_MARKS[found.status]} {escape(found.subject)}: {escape(found.found)}",
                    soft_wrap=True,
                )
                if found.remedy:
                    console.print(f"    → {escape(found.remedy)}", soft_wrap=True)
        if any(found.status == "missing" for found in checks):
            raise typer.Exit(1)


@app.command()
def prepare(
    project: ProjectOption = None,
    projects_folder: ProjectsOption = None,
    debug: DebugOption = False,
) -> None:
    """Make jobflow-remote's collections in the database, once; what is there stays."""
    with errors_shown(debug=debug):
        from workflows.hpc.setup.queue_collections import prepare_queue

        made = prepare_queue(project_files(project, projects_folder))
        console.print("[green]✓[/] made" if made else "nothing to do: they are there")


@app.command()
def script(
    worker: Annotated[str, typer.Argument(help="Name of a worker, say dft-small.")],
    project: ProjectOption = None,
    projects_folder: ProjectsOption = None,
    debug: DebugOption = False,
) -> None:
    """Print the script that a worker hands to the scheduler, for a job named `example`."""
    with errors_shown(debug=debug):
        from workflows.hpc.setup.job_script import example_script
        from workflows.hpc.setup.project import validated_project
        from workflows.hpc.setup.settings_file import read_settings

        files = project_files(project, projects_folder)
        settings = read_settings(files.settings)
        typer.echo(example_script(validated_project(settings, files), worker))
