"""``cuprolith logs``: show what a job in the queue has written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from workflows.cli.hpc_options import JsonOption, ProjectOption, quiet_database
from workflows.stage_commands.console import errors_shown, say
from workflows.stage_commands.options import DebugOption

if TYPE_CHECKING:
    from workflows.hpc.jobs.job_logs import JobLogs


def logs(
    job: Annotated[str, typer.Argument(help="Number of the job, or its uuid or the start of it.")],
    project: ProjectOption = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, max=1_000_000, help="Last lines of each file.")
    ] = 40,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show a job's error, its output in the queue, and the last lines of its programs' logs."""
    with errors_shown(debug=debug), quiet_database(project) as controller:
        from workflows.hpc.jobs.campaign_jobs import find_job
        from workflows.hpc.jobs.job_logs import job_logs

        found = job_logs(controller, find_job(controller, job), lines=lines)
        if as_json:
            typer.echo(found.model_dump_json(indent=1))
        else:
            _show(found)


def _show(found: JobLogs) -> None:
    queue = f", {found.queue_id} of the queue" if found.queue_id else ""
    say(f"[bold]{escape(found.db_id)}[/] {escape(found.name)} ({escape(found.uuid)})")
    say(f"{escape(found.stage or '—')}, {found.state}, worker {escape(found.worker)}{queue}")
    for title, text in (("error", found.error), ("transfer or queue", found.transfer_error)):
        if text:
            say(f"\n[bold red]{title}[/]\n{escape(text)}")
    for tail in found.files:
        say(f"\n[bold]{escape(tail.path)}[/]\n{escape(tail.text)}")
    if found.unreachable:
        say(f"\n[yellow]no files: {escape(found.unreachable)}[/]")
