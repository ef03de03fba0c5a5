"""``cuprolith train FILE``: train what a training file describes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cuprolith.errors import CuprolithError
from cuprolith.lock import workdir_lock
from cuprolith.progress import progress_bar, progress_on
from workflows.epoch_progress import EpochProgress
from workflows.stage_commands.console import console, errors_shown, made
from workflows.stage_commands.options import DebugOption, UpdateOption, WorkdirOption

FileArgument = Annotated[
    Path | None,
    typer.Argument(
        help="Campaign YAML, or training file (inputs/paper has the paper's). Optional if the "
        "workdir holds a campaign."
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Folder of the runs of a training file; default: trainings/<name>."),
]
DataOption = Annotated[
    Path, typer.Option("--data", help="Folder that data folders are relative to.")
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed", min=0, max=2**32 - 1, help="Seed of a training file, in place of its own."
    ),
]
EpochsOption = Annotated[
    int | None,
    typer.Option("--max-epochs", min=1, help="Number of epochs, in place of the file's."),
]
TimeOption = Annotated[
    str | None, typer.Option("--max-time", help="Wall-time limit of a run, DD:HH:MM:SS.")
]
DEFAULT_DATA = Path("data")


def with_training_file(train_campaign: Callable[..., None]) -> Callable[..., None]:
    """Return the command that trains the variant of a campaign, or of a training file."""

    def command(
        file: FileArgument = None,
        workdir: WorkdirOption = None,
        out: OutOption = None,
        data: DataOption = DEFAULT_DATA,
        seed: SeedOption = None,
        max_epochs: EpochsOption = None,
        max_time: TimeOption = None,
        update: UpdateOption = False,
        debug: DebugOption = False,
    ) -> None:
        with errors_shown(debug=debug):
            from workflows.inputs.training_file import is_training_file

            names_training_file = file is not None and is_training_file(file)
            limits = (out, seed, max_epochs, max_time)
            if not names_training_file and any(option is not None for option in limits):
                raise CuprolithError(
                    "--out, --seed, --max-epochs and --max-time are options for training files",
                    remedy="set them in the campaign, or name a training file (see inputs/paper)",
                )
            if names_training_file and (workdir is not None or update):
                raise CuprolithError(
                    "--workdir and --update are options for campaigns", remedy="use --out instead"
                )
        if file is None or not names_training_file:
            train_campaign(file, workdir, update, debug)
            return
        with errors_shown(debug=debug), progress_on(console):
            _train(file, out, data, seed, max_epochs, max_time)

    return command


def _train(
    path: Path,
    out: Path | None,
    data: Path,
    seed: int | None,
    max_epochs: int | None,
    max_time: str | None,
) -> None:
    from workflows.inputs.training_file import load_training_file
    from workflows.training_runs import open_data, run_training, training_folder

    file = load_training_file(path).limited(max_epochs, max_time)
    seed = file.seed if seed is None else seed
    root = out or Path("trainings") / file.name
    folder = training_folder(root, seed)
    source = open_data(file.data, data)
    root.mkdir(parents=True, exist_ok=True)
    with workdir_lock(root), progress_bar(file.name, total=file.training.max_epochs) as bar:
        summary = run_training(file, source, folder, seed, EpochProgress(bar))
    made(folder, summary)
