"""``cuprolith hpc init | write | check | prepare | script``: set up a cluster and its project."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from workflows.cli.doctor import end_with, show_check
from workflows.cli.hpc_options import JsonOption, ProjectOption, project_files, quiet_database
from workflows.stage_commands.console import console, errors_shown, say
from workflows.stage_commands.options import DebugOption

app = typer.Typer(no_args_is_help=True)


@app.callback()
def hpc() -> None:
    """Set up a cluster's queue for campaigns, through jobflow-remote."""


@app.command()
def init(
    scheduler: Annotated[str, typer.Argument(help="Name of its scheduler, such as slurm.")],
    project: ProjectOption = None,
    debug: DebugOption = False,
) -> None:
    """Write a settings file for a cluster, with every key explained, for you to edit."""
    with errors_shown(debug=debug):
        from workflows.hpc.setup.template import write_template

        files = project_files(project)
        write_template(scheduler, files)
        say(f"[green]✓[/] {escape(str(files.settings))}")
        _show_next(
            f"${{EDITOR:-vi}} {files.settings}", f"cuprolith hpc write --project {files.name}"
        )


@app.command()
def write(
    project: ProjectOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the project; write nothing.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Write the jobflow-remote project that the settings describe."""
    with errors_shown(debug=debug):
        from workflows.hpc.setup.check import read_private_settings
        from workflows.hpc.setup.project import project_data, validated_project, write_project
        from workflows.hpc.setup.secrets import mongodb_password
        from workflows.inputs.yaml_file import yaml_text

        files = project_files(project)
        settings = read_private_settings(files)
        if dry_run:
            validated_project(settings, files)
            typer.echo(yaml_text(project_data(settings, files)))
            return
        password = mongodb_password(settings.mongodb)
        existed = files.project.exists()
        changed = write_project(settings, files, password)
        say(f"[green]✓[/] {escape(str(files.project))}{'' if changed else ' is up to date'}")
        if password is None:
            say(
                "[yellow]The database needs no password: whoever reaches it can run jobs as you.[/]"
            )
        verbs = ("check", "prepare")
        _show_next(
            *(f"cuprolith hpc {verb} --project {files.name}" for verb in verbs),
            f"jf -p {files.name} runner {'restart' if existed and changed else 'start'}",
        )


@app.command()
def check(
    project: ProjectOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Check settings and project without any connection; exits with 1 if something is wrong."""
    with errors_shown(debug=debug):
        from workflows.hpc.setup.check import check_project

        checks = check_project(project_files(project))
        for found in [] if as_json else checks:
            show_check(found, wrapped=False)
        end_with(checks, as_json=as_json)


@app.command()
def prepare(project: ProjectOption = None, debug: DebugOption = False) -> None:
    """Make jobflow-remote's collections in the database; existing ones are kept."""
    with errors_shown(debug=debug):
        from workflows.hpc.jobs.job_database import prepare_queue

        with quiet_database(project_files(project).name) as controller:
            made = prepare_queue(controller)
        console.print("[green]✓[/] made" if made else "nothing to do: they exist")


@app.command()
def script(
    worker: Annotated[str, typer.Argument(help="Name of a worker, such as dft-small.")],
    project: ProjectOption = None,
    debug: DebugOption = False,
) -> None:
    """Print the script that a worker gives to the scheduler, for a job named `example`."""
    with errors_shown(debug=debug):
        from workflows.hpc.setup.job_script import job_script
        from workflows.hpc.setup.project import validated_project
        from workflows.hpc.setup.settings_file import read_settings

        files = project_files(project)
        settings = read_settings(files.settings)
        typer.echo(job_script(validated_project(settings, files), worker))


def _show_next(*commands: str) -> None:
    console.print("Next:")
    for command in commands:
        say(f"  {escape(command)}")
