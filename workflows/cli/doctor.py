"""``cuprolith doctor``: check what is installed, configured and reachable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cuprolith.errors import CuprolithError
from workflows.cli.hpc_options import (
    JsonOption,
    ProjectOption,
    project_files,
    quiet_jobflow_remote,
)
from workflows.stage_commands.console import console, error_console, errors_shown
from workflows.stage_commands.options import DebugOption, keys_located

if TYPE_CHECKING:
    from workflows.checks import Check

_MARKS = {
    "ok": "[green]✓[/]",
    "missing": "[red]✗[/]",
    "note": "[yellow]•[/]",
    "skipped": "[dim]–[/]",
}
# beside the mark, in a project's checks
_WORDS = {"ok": "", "missing": "[red]FAILED[/] ", "note": "", "skipped": "[dim]skipped,[/] "}


def doctor(
    campaign: Annotated[
        Path | None,
        typer.Argument(help="Campaign YAML: also check its engine for its elements."),
    ] = None,
    hpc: Annotated[
        bool,
        typer.Option("--hpc", help="Check a cluster's project, with a job on each worker."),
    ] = False,
    project: ProjectOption = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=1, help="Seconds to wait for the jobs of --hpc; default 600.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Check what is installed and reachable for each engine, and show how to fix the rest.

    Exits with 1 if something is missing.
    """
    with errors_shown(debug=debug):
        if hpc and campaign is not None:
            raise CuprolithError(
                "--hpc does not check campaigns", remedy="leave out --hpc, or the campaign"
            )
        if hpc:
            checks = _examine_project(project, timeout, shown=not as_json)
        elif project is not None or timeout is not None:
            raise CuprolithError("--project and --timeout go with --hpc", remedy="add --hpc")
        else:
            from workflows.doctor import examine

            loaded = None
            if campaign is not None:
                from workflows.inputs.campaign import load_campaign

                loaded = load_campaign(campaign)
            with keys_located(campaign or Path()):
                checks = examine(loaded)
            for check in [] if as_json else checks:
                show_check(check)
        end_with(checks, as_json=as_json)


def _examine_project(project: str | None, timeout: float | None, *, shown: bool) -> list[Check]:
    from contextlib import nullcontext

    from cuprolith.progress import progress_on
    from workflows.hpc.doctor.run_checks import DEFAULT_SECONDS, run_checks

    checks: list[Check] = []

    def report(check: Check) -> None:
        checks.append(check)
        if shown:
            show_check(check, _WORDS[check.status], wrapped=False)

    with quiet_jobflow_remote(), progress_on(console) if shown else nullcontext():
        files = project_files(project)
        try:
            run_checks(files, report, seconds=timeout or DEFAULT_SECONDS)
        except KeyboardInterrupt:
            error_console.print("[yellow]stopped[/]; its jobs were removed from the queue")
            raise typer.Exit(130) from None
    return checks


def show_check(check: Check, word: str = "", *, wrapped: bool = True) -> None:
    """Print a check and its remedy."""
    text = f"{_MARKS[check.status]} {escape(check.subject)}: {word}{escape(check.found)}"
    console.print(text, soft_wrap=not wrapped)
    if check.remedy:
        console.print(f"    → {escape(check.remedy)}", soft_wrap=not wrapped)


def end_with(checks: list[Check], *, as_json: bool) -> None:
    """Print checks as JSON if asked for, and exit with 1 if one failed."""
    if as_json:
        import json

        typer.echo(json.dumps([check.model_dump() for check in checks], indent=1))
    if any(check.status == "missing" for check in checks):
        raise typer.Exit(1)
