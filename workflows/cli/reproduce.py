"""``cuprolith reproduce``: tables of publications beside our runs."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cuprolith.lock import workdir_lock
from cuprolith.progress import progress_on
from workflows.stage_commands.console import console, errors_shown, made
from workflows.stage_commands.options import DebugOption
from workflows.stage_commands.train_file import DEFAULT_DATA, DataOption, EpochsOption

if TYPE_CHECKING:
    from workflows.reproduction import MatrixSettings

app = typer.Typer(help="Reproduce the paper's results.", no_args_is_help=True)

OutOption = Annotated[Path, typer.Option("--out", help="Folder of the runs and the tables.")]
InputsOption = Annotated[
    Path, typer.Option("--inputs", help="Folder with the paper's training files and results.yaml.")
]
SeedsOption = Annotated[int, typer.Option("--seeds", min=1, max=1000, help="Runs of each cell.")]
OnlyOption = Annotated[
    str, typer.Option("--only", help="Datasets, separated by commas: aspirin,benzene,culi,qm9.")
]
VariantsOption = Annotated[
    str,
    typer.Option("--variants", help="Variants, separated by commas; default: all of results.yaml."),
]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Show what would run; run nothing.")]
DEFAULT_OUT = Path("results/tables")
DEFAULT_INPUTS = Path("inputs/paper")
DEFAULT_CONTROLS_OUT = Path("results/controls")


@app.callback()
def reproduce() -> None:
    """Reproduce the paper's results."""


@app.command()
def tables(
    out: OutOption = DEFAULT_OUT,
    data: DataOption = DEFAULT_DATA,
    inputs: InputsOption = DEFAULT_INPUTS,
    seeds: SeedsOption = 3,
    only: OnlyOption = "",
    variants: VariantsOption = "",
    max_epochs: EpochsOption = None,
    max_time_per_run: Annotated[
        str | None, typer.Option("--max-time-per-run", help="Wall-time limit, DD:HH:MM:SS.")
    ] = None,
    dry: DryOption = False,
    debug: DebugOption = False,
) -> None:
    """Train the matrix of Tables I-III and render Tables IV and V after every run.

    Finished runs are kept, interrupted ones resume; with several GPUs, each gets one run.
    """
    with errors_shown(debug=debug), progress_on(console):
        from workflows.reproduction import MatrixSettings, reproduce_tables

        settings = MatrixSettings(
            inputs=inputs,
            data_root=data,
            out=out,
            datasets=_names(only),
            variants=_names(variants),
            n_seeds=seeds,
            max_epochs=max_epochs,
            max_time=max_time_per_run,
        )
        if dry:
            _show_plan(settings)
            return
        out.mkdir(parents=True, exist_ok=True)
        with workdir_lock(out):
            summary = reproduce_tables(settings, _command_line())
        made(out / "tables.html", summary)
        if summary.failures:
            raise typer.Exit(1)


@app.command()
def controls(
    files: Annotated[
        list[Path],
        typer.Argument(help="Training files; the first is what the others are compared with."),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder of the runs and the table.")
    ] = DEFAULT_CONTROLS_OUT,
    data: DataOption = DEFAULT_DATA,
    seeds: SeedsOption = 5,
    max_epochs: EpochsOption = None,
    debug: DebugOption = False,
) -> None:
    """Train a model and its controls with equal budgets, and write controls.md after every run.

    Finished runs are kept, interrupted ones resume. inputs/controls/ has the quantum layer's.
    """
    with errors_shown(debug=debug), progress_on(console):
        from workflows.controls import TABLE_FILE, compare_controls

        out.mkdir(parents=True, exist_ok=True)
        with workdir_lock(out):
            summary = compare_controls(files, data, out, seeds, max_epochs, _command_line())
        made(out / TABLE_FILE, summary)
        if summary.failures:
            raise typer.Exit(1)


@app.command()
def molecules(
    out: Annotated[
        Path, typer.Option("--out", help="Folder of data, trainings and the page.")
    ] = Path("results/molecules"),
    inputs: Annotated[
        Path, typer.Option("--inputs", help="Folder with reproduce.yaml and the campaigns.")
    ] = Path("inputs/molecules"),
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=1000, help="Trainings of each row.")
    ] = 5,
    only: Annotated[
        str, typer.Option("--only", help="Systems, separated by commas; default: all.")
    ] = "",
    short: Annotated[
        bool, typer.Option("--short", help="Fewer systems, seeds and epochs: see reproduce.yaml.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Label LiH, water and the water dimer, train circuits on them, and render Tables I-IV.

    The same command resumes, and computes nothing twice.
    """
    with errors_shown(debug=debug), progress_on(console):
        from workflows.molecule_reproduction.run import MoleculeRequest, reproduce_molecules

        request = MoleculeRequest(inputs, out, seeds, _names(only), short)
        out.mkdir(parents=True, exist_ok=True)
        with workdir_lock(out):
            summary = reproduce_molecules(request, _command_line())
        made(summary.page, summary)
        if summary.failures:
            raise typer.Exit(1)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _command_line() -> str:
    return shlex.join(["cuprolith", *sys.argv[1:]])


def _show_plan(settings: MatrixSettings) -> None:
    from workflows.reproduction import dry_run

    table = Table("run", "state", "frames", "batch", "epochs", "steps", box=None)
    rows, problems = dry_run(settings)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for problem in problems:
        console.print(f"[yellow]![/] {escape(problem)}", soft_wrap=True)
