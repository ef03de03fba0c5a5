"""``python -m tests.dev_cluster up | status | down``: a single-node SLURM and a database."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from workflows.stage_commands.console import console, errors_shown
from workflows.stage_commands.options import DebugOption

if TYPE_CHECKING:
    from tests.dev_cluster.cluster import DevCluster

app = typer.Typer(no_args_is_help=True)

FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", help="Holds all; default: ~/.cuprolith/dev-cluster."),
]
CpusOption = Annotated[
    int | None, typer.Option("--cpus", min=1, help="Cores of the node; default: this machine's.")
]
ProjectsOption = Annotated[
    Path | None,
    typer.Option(
        "--projects-folder",
        help="Where jobflow-remote's project goes, say ~/.jfremote; default: a folder in --folder.",
    ),
]


@app.callback()
def dev_cluster() -> None:
    """Try on this machine what runs on clusters: a SLURM and a database of your own."""


@app.command()
def up(
    folder: FolderOption = None,
    cpus: CpusOption = None,
    projects_folder: ProjectsOption = None,
    debug: DebugOption = False,
) -> None:
    """Start the parts of SLURM and the database that do not run, and write the project."""
    with errors_shown(debug=debug):
        cluster = _cluster(folder)
        cluster.up(cpus=cpus, projects=projects_folder)
        _show(cluster)
        script = shlex.quote(str(cluster.layout.environment_script))
        console.print(
            "[yellow]The database asks for no password: whoever has an account on this machine can "
            "change it, and through it run jobs as you.[/]\n"
            "Next, in each shell that works with the cluster:",
            soft_wrap=True,
        )
        for command in (f". {script}", "jf runner start", "squeue"):
            console.print(f"  {escape(command)}", soft_wrap=True)


@app.command()
def status(folder: FolderOption = None, debug: DebugOption = False) -> None:
    """Show each part; exits with 1 if one of SLURM or the database does not answer."""
    with errors_shown(debug=debug):
        if not _show(_cluster(folder)):
            raise typer.Exit(1)


@app.command()
def down(
    folder: FolderOption = None,
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove its queue, database and job folders, too.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Stop all of it; queue, database and job folders stay."""
    with errors_shown(debug=debug):
        cluster = _cluster(folder)
        stopped = cluster.down(purge=purge)
        console.print(f"stopped: {', '.join(stopped)}" if stopped else "nothing ran")
        if purge:
            console.print(f"removed: {escape(str(cluster.layout.folder))}", soft_wrap=True)


def _cluster(folder: Path | None) -> DevCluster:
    from tests.dev_cluster.cluster import DevCluster

    return DevCluster(folder) if folder else DevCluster()


def _show(cluster: DevCluster) -> bool:
    """Print how the parts are, and return whether those serve that `up` starts."""
    statuses = cluster.status()
    for part in statuses:
        mark = "[green]✓[/]" if part.serves else "[red]✗[/]"
        if part.name == "runner" and not part.serves:
            mark = "[yellow]•[/]"
        console.print(f"{mark} {part.name}: {escape(part.detail)}", soft_wrap=True)
    console.print(
        f"  project {cluster.project_name}, "
        "workers dft-small, dft-small-batch, dft-large, gpu, cpu",
        soft_wrap=True,
    )
    console.print(f"  {escape(str(cluster.state.projects))}", soft_wrap=True)
    return all(part.serves for part in statuses if part.name != "runner")


if __name__ == "__main__":
    app()
