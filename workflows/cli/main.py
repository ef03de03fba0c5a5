"""The ``cuprolith`` command."""

from __future__ import annotations

import gc
import re
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from workflows.cli.cancel import cancel
from workflows.cli.circuits import circuits
from workflows.cli.compile import compile_, package
from workflows.cli.doctor import doctor
from workflows.cli.download import download
from workflows.cli.export import export
from workflows.cli.fetch import fetch
from workflows.cli.hpc import app as hpc
from workflows.cli.logs import logs
from workflows.cli.plan import plan
from workflows.cli.reproduce import app as reproduce
from workflows.cli.retry import retry
from workflows.cli.run import run
from workflows.cli.stages import stage_command
from workflows.cli.status import status
from workflows.cli.submit import submit
from workflows.environment import cuprolith_version
from workflows.stage import ordered_stages
from workflows.stage_commands.tune import choose


class _Commands(TyperGroup):
    """All verbs; invalid command lines are refused before one of them starts."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse empty arguments, which would mean the present folder, and control characters."""
        for place, argument in enumerate(args, start=1):
            before = f" after {args[place - 2]}" if place > 1 else ""
            if not argument.strip() or _EMPTY_OPTION.fullmatch(argument):
                raise typer.BadParameter(
                    f"argument {place}{before} is empty: give a value, or leave it out (a shell "
                    "variable may be unset)",
                    ctx=ctx,
                )
            if not _is_text(argument):
                raise typer.BadParameter(
                    f"argument {place}{before} holds control characters or no UTF-8: remove them, "
                    "or rename the file",
                    ctx=ctx,
                )
        return super().parse_args(ctx, args)


_EMPTY_OPTION = re.compile(r"--[a-z-]+=\s*")


def _is_text(argument: str) -> bool:
    return all(letter.isprintable() or letter in "\n\t" for letter in argument)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
CAMPAIGN, MODELS, CLUSTER = "Campaigns", "Models", "Clusters"

app.command(rich_help_panel=CAMPAIGN)(run)
app.command(rich_help_panel=CAMPAIGN)(plan)
for _stage in ordered_stages():
    if _stage.help:
        _add = app.command(_stage.name, help=_stage.help, rich_help_panel=CAMPAIGN)
        _add(stage_command(_stage))
app.command(rich_help_panel=CAMPAIGN)(doctor)
app.command(rich_help_panel=MODELS)(choose)
app.command(rich_help_panel=MODELS)(package)
app.command("compile", rich_help_panel=MODELS)(compile_)
app.command(rich_help_panel=MODELS)(download)
app.command(rich_help_panel=MODELS)(export)
app.command(rich_help_panel=MODELS)(circuits)
app.add_typer(reproduce, name="reproduce", rich_help_panel=MODELS)
app.add_typer(hpc, name="hpc", rich_help_panel=CLUSTER)
app.command(rich_help_panel=CLUSTER)(submit)
app.command(rich_help_panel=CLUSTER)(status)
app.command(rich_help_panel=CLUSTER)(logs)
app.command(rich_help_panel=CLUSTER)(retry)
app.command(rich_help_panel=CLUSTER)(cancel)
app.command(rich_help_panel=CLUSTER)(fetch)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cuprolith {cuprolith_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """From two crystals to a trained machine-learned interatomic potential."""


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    finally:
        gc.freeze()  # else the end of the process looks through all that was loaded once more
