"""``cuprolith submit``: send a campaign to the queue of a cluster."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated

import typer
from rich.markup import escape

from workflows.cli.hpc_options import ProjectOption, quiet_database
from workflows.stage_commands.console import errors_shown, say
from workflows.stage_commands.options import DebugOption, UpdateOption


def submit(
    campaign: Annotated[Path, typer.Argument(help="Campaign YAML.")],
    project: ProjectOption = None,
    workdir: Annotated[
        str | None,
        typer.Option(
            "--workdir",
            "-w",
            help="Full path on the cluster; default: campaigns/<name> in the project's work_dir.",
        ),
    ] = None,
    update: UpdateOption = False,
    debug: DebugOption = False,
) -> None:
    """Submit a campaign to the queue. Resubmitting adds only the jobs that are still missing."""
    with errors_shown(debug=debug):
        from workflows.inputs.campaign import load_campaign

        loaded = load_campaign(campaign)
        with quiet_database(project) as controller:
            from workflows.hpc.submission.submit import submit as send

            place = PurePosixPath(workdir) if workdir is not None else None
            done = send(loaded, controller, workdir=place, update=update)
            assert controller.project is not None
            say(f"[green]✓[/] {escape(str(done))}")
            option = f" -p {escape(controller.project.name)}" if project else ""
            verb = "fetch" if done.finished else "status"
            say(f"    → cuprolith {verb} {escape(done.campaign)}{option}")
