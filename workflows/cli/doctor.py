"""``cuprolith doctor``: what is installed, configured and reachable."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from workflows.cli.console import console, errors_shown
from workflows.cli.options import DebugOption

_MARKS = {"ok": "[green]✓[/]", "missing": "[red]✗[/]", "note": "[yellow]•[/]"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    debug: DebugOption = False,
) -> None:
    """Tell what is installed and reachable for each engine, and what to do about the rest.

    Exits with 1 if something is missing.
    """
    from workflows.doctor import examine

    with errors_shown(debug=debug):
        checks = examine()
        if as_json:
            import json

            typer.echo(json.dumps([check.model_dump() for check in checks], indent=1))
        else:
            for check in checks:
                console.print(
                    f"{_MARKS[check.status]} {escape(check.subject)}: {escape(check.found)}"
                )
                if check.remedy:
                    console.print(f"    → {escape(check.remedy)}")
        if any(check.status == "missing" for check in checks):
            raise typer.Exit(1)
