"""``cuprolith status``: show the progress of a campaign in the queue."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from workflows.cli.hpc_options import (
    CampaignNameArgument,
    JsonOption,
    ProjectOption,
    quiet_database,
    the_campaign,
)
from workflows.stage_commands.console import console, errors_shown
from workflows.stage_commands.options import DebugOption

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from workflows.hpc.jobs.status import CampaignStatus, JobTrouble

_WATCH_SECONDS = 10
_KINDS = {
    "failed": "[red]failed[/]",
    "transfer": "[red]transfer or queue[/]",
    "retried": "[yellow]tried again[/]",
    "silent": "[yellow]silent[/]",
}


def status(
    campaign: CampaignNameArgument = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every 10 s.")] = False,
    debug: DebugOption = False,
) -> None:
    """Show the progress of a queued campaign and the jobs that need attention."""
    with errors_shown(debug=debug), quiet_database(project) as controller:
        from workflows.hpc.jobs.job_database import jf_command
        from workflows.hpc.jobs.status import campaign_status

        name = the_campaign(controller, campaign)
        runner_start = jf_command(controller, "runner", "start")
        found = campaign_status(controller, name)
        if as_json:
            typer.echo(found.model_dump_json(indent=1))
            return
        if not watch:
            console.print(_shown(found, runner_start))
            return
        from rich.live import Live

        with Live(_shown(found, runner_start), console=console, auto_refresh=False) as live:
            while found.left:
                time.sleep(_WATCH_SECONDS)
                found = campaign_status(controller, name)
                live.update(_shown(found, runner_start), refresh=True)


def _shown(found: CampaignStatus, runner_start: str) -> Group:
    from rich.console import Group

    parts: list[Table | str] = [_table(found), _runner_line(found, runner_start)]
    if found.troubles:
        parts.append(_troubles(found.troubles))
    listed = sum(trouble.kind in ("failed", "transfer") for trouble in found.troubles)
    if found.n_failed > listed:
        parts.append(f"and {found.n_failed - listed} more that failed")
    if found.n_failed:
        name = escape(found.campaign)
        parts.append(f"→ to run all of them again: cuprolith retry --failed --campaign {name}")
    return Group(*parts)


def _table(found: CampaignStatus) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    title = f"campaign {escape(found.campaign)}"
    table = Table(
        box=SIMPLE_HEAD,
        title=title,
        title_justify="left",
        show_footer=True,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("stage", footer="all", no_wrap=True)
    table.add_column("on", no_wrap=True)
    for word in ("done", "running", "waiting", "failed"):
        total = sum(getattr(stage, word) for stage in found.stages)
        table.add_column(word, str(total), justify="right", no_wrap=True)
    others = any(stage.other for stage in found.stages)
    if others:
        table.add_column("other")
    table.add_column("node-h", f"{found.node_hours:.1f}", justify="right", no_wrap=True)
    table.add_column("expected end", _end(found.expected_end, found.left), no_wrap=True)
    for stage in found.stages:
        other = ", ".join(f"{count} {state}" for state, count in sorted(stage.other.items()))
        table.add_row(
            escape(stage.stage or "—"),
            escape(stage.resource),
            str(stage.done),
            str(stage.running),
            str(stage.waiting),
            f"[red]{stage.failed}[/]" if stage.failed else "0",
            *([escape(other)] if others else []),
            f"{stage.node_hours:.1f}",
            _end(stage.expected_end, stage.left),
        )
    return table


def _end(end: datetime | None, left: int) -> str:
    if not left:
        return ""
    return f"{end.astimezone():%d %b %H:%M}" if end is not None else "unknown"


def _runner_line(found: CampaignStatus, runner_start: str) -> str:
    runner = found.runner
    last = f", {runner.last_seen}" if runner.last_seen else ""
    if runner.runs:
        return "runner: runs here"
    if runner.runs is None:
        return f"runner: {'on ' + escape(runner.host) if runner.host else 'not a daemon'}{last}"
    remedy = f"  → {escape(runner_start)}" if found.left else ""
    return f"[yellow]runner: does not run{last}[/]{remedy}"


def _troubles(troubles: list[JobTrouble]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(4):
        table.add_column(overflow="fold")
    for trouble in troubles:
        table.add_row(
            escape(trouble.db_id),
            _KINDS[trouble.kind],
            f"{escape(trouble.name)}: {escape(trouble.error)}",
            escape(f"→ {trouble.remedy}"),
        )
    return table
