"""``cuprolith hpc init | write | check | prepare | script``: a cluster and its project."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from workflows.cli.console import console, errors_shown
from workflows.cli.doctor import show_check
from workflows.cli.hpc_options import ProjectOption, project_files, quiet_database
from workflows.cli.options import DebugOption

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
    """Write the settings of a cluster, with every key explained, to be edited."""
    with errors_shown(debug=debug):
        from workflows.hpc.setup.template import write_template

        files = project_files(project)
        write_template(scheduler, files)
        _say(f"[green]✓[/] {escape(str(files.settings))}")
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
        stood = files.project.exists()
        changed = write_project(settings, files, password)
        _say(f"[green]✓[/] {escape(str(files.project))}{'' if changed else ' is as it should be'}")
        if password is None:
            _say(
                "[yellow]The database asks for no password: whoever reaches it can run jobs as "
                "you.[/]"
            )
        verbs = ("check", "prepare")
        _show_next(
            *(f"cuprolith hpc {verb} --project {files.name}" for verb in verbs),
            f"jf -p {files.name} runner {'restart' if stood and changed else 'start'}",
        )


@app.command()
def check(
    project: ProjectOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    debug: DebugOption = False,
) -> None:
    """Check settings and project without contacting anything; exits with 1 if one is wrong."""
    with errors_shown(debug=debug):
        from workflows.hpc.setup.check import check_project

        checks = check_project(project_files(project))
        if as_json:
            import json

            typer.echo(json.dumps([found.model_dump() for found in checks], indent=1))
        else:
            for found in checks:
                show_check(found, wrapped=False)
        if any(found.status == "missing" for found in checks):
            raise typer.Exit(1)


@app.command()
def prepare(project: ProjectOption = None, debug: DebugOption = False) -> None:
    """Make jobflow-remote's collections in the database, once; existing ones stay."""
    with errors_shown(debug=debug):
        from workflows.hpc.setup.queue_collections import prepare_queue

        with quiet_database(project_files(project).name) as controller:
            made = prepare_queue(controller)
        console.print("[green]✓[/] made" if made else "nothing to do: they exist")


@app.command()
def script(
    worker: Annotated[str, typer.Argument(help="Name of a worker, such as dft-small.")],
    project: ProjectOption = None,
    debug: DebugOption = False,
) -> None:
    """Print the script that a worker hands to the scheduler, for a job named `example`."""
    with errors_shown(debug=debug):
        from workflows.hpc.setup.job_script import example_script
        from workflows.hpc.setup.project import validated_project
        from workflows.hpc.setup.settings_file import read_settings

        files = project_files(project)
        settings = read_settings(files.settings)
        typer.echo(example_script(validated_project(settings, files), worker))


def _say(text: str) -> None:
    console.print(text, soft_wrap=True)


def _show_next(*commands: str) -> None:
    console.print("Next:")
    for command in commands:
        _say(f"  {escape(command)}")
