"""``cuprolith logs``: what a job in the queue has said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from workflows.cli.console import console, errors_shown
from workflows.cli.hpc_options import ProjectOption, quiet_database
from workflows.cli.options import DebugOption

if TYPE_CHECKING:
    from workflows.hpc.jobs.job_logs import JobLogs


def logs(
    job: Annotated[str, typer.Argument(help="Number of the job, or its uuid or its beginning.")],
    project: ProjectOption = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, max=1_000_000, help="Of each file.")
    ] = 40,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    debug: DebugOption = False,
) -> None:
    """Show a job's error, the queue's output, and the ends of the logs of what it ran."""
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
    _print(f"[bold]{escape(found.db_id)}[/] {escape(found.name)} ({escape(found.uuid)})")
    _print(f"{escape(found.stage or '—')}, {found.state}, worker {escape(found.worker)}{queue}")
    for title, text in (("error", found.error), ("transfer or queue", found.transfer_error)):
        if text:
            _print(f"\n[bold red]{title}[/]\n{escape(text)}")
    for tail in found.files:
        _print(f"\n[bold]{escape(tail.path)}[/]\n{escape(tail.text)}")
    if found.unreachable:
        _print(f"\n[yellow]no files: {escape(found.unreachable)}[/]")


def _print(text: str) -> None:
    console.print(text, soft_wrap=True)
