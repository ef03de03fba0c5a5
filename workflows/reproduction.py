"""Train the matrix of Tables IV and V, one run after another or one per GPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import yaml
from pydantic import ValidationError

from analysis.reproduction.page import Reproduction, write_tables
from analysis.reproduction.published import Published, load_published
from analysis.reproduction.runs import PlannedRun, Run, read_run
from analysis.reproduction.tables import DATASET_NAMES
from cuprolith.errors import CuprolithError
from cuprolith.progress import announce, progress_bar
from cuprolith.words import plural
from training.source import TrainingSource
from training.variant import VARIANTS
from workflows.epoch_progress import EpochProgress
from workflows.inputs.training_file import TrainingFile, load_training_file
from workflows.jobs.processes import one_gpu_each, run_in_processes, visible_gpus
from workflows.training_runs import open_data, run_training, training_folder

RESULTS_FILE = "results.yaml"


@dataclass(frozen=True)
class MatrixSettings:
    """Part of the matrix to run, and time limits.

    Attributes
    ----------
    inputs
        Folder with ``<dataset>_<variant>.yaml`` and ``results.yaml``.
    data_root
        Folder that the files' data folders are relative to.
    out
        Folder of the runs and the tables.
    datasets, variants
        Which cells; all by default.
    n_seeds
        Seeds of each cell, from the file's own upwards.
    max_epochs, max_time
        In place of those in the files; None for no change.
    """

    inputs: Path
    data_root: Path
    out: Path
    datasets: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    n_seeds: int = 3
    max_epochs: int | None = None
    max_time: str | None = None

    def __post_init__(self) -> None:
        _check_names("--only", self.datasets, DATASET_NAMES)
        _check_names("--variants", self.variants, VARIANTS.entries)


@dataclass(frozen=True)
class Cell:
    """One training of the matrix."""

    path: Path
    file: TrainingFile
    data_root: Path
    plan: PlannedRun

    def __str__(self) -> str:
        """Name and seed."""
        return f"{self.file.name}, seed {self.plan.seed}"


@dataclass(frozen=True)
class TablesSummary:
    """Runs that are done, and runs that are not."""

    runs: Sequence[Run]
    failures: Sequence[str]

    def __str__(self) -> str:
        """Give counts and errors."""
        finished = sum(run.result is not None for run in self.runs)
        short = sum(run.short for run in self.runs if run.epochs)
        lines = [f"{finished} of {plural(len(self.runs), 'run')} finished"]
        if short:
            lines.append(f"  {short} of them SHORT: fewer epochs than the paper's")
        return "\n".join(lines + [f"  not run: {failure}" for failure in self.failures])


class Matrix:
    """The cells, whether they can run, and their results."""

    def __init__(self, settings: MatrixSettings, command: str) -> None:
        self.settings = settings
        self.command = command
        self.published = _published(_existing(settings.inputs / RESULTS_FILE))
        self._sources: dict[str, TrainingSource] = {}
        self._failures: dict[Path, str] = {}

    @cached_property
    def cells(self) -> list[Cell]:
        """All cells by dataset; the plan of a cell without data has its problem."""
        found: list[Cell] = []
        for dataset in self.settings.datasets or DATASET_NAMES:
            for variant in self.settings.variants or self.published.variants:
                found += self._cells(dataset, variant)
        return found

    def _cells(self, dataset: str, variant: str) -> Iterator[Cell]:
        settings = self.settings
        path = _existing(settings.inputs / f"{dataset}_{variant.replace('-', '_')}.yaml")
        full = load_training_file(path)
        file = full.limited(settings.max_epochs, settings.max_time)
        problem = self._data_problem(dataset, file)
        for seed in range(file.seed, file.seed + settings.n_seeds):
            plan = PlannedRun(
                dataset=dataset,
                variant=file.training.variant,
                seed=seed,
                folder=training_folder(settings.out / file.name, seed),
                max_epochs=file.training.max_epochs,
                published_epochs=full.training.max_epochs,
                problem=problem,
            )
            yield Cell(path, file, settings.data_root, plan)

    def _data_problem(self, dataset: str, file: TrainingFile) -> str:
        if dataset in self._sources:
            return ""
        try:
            self._sources[dataset] = open_data(file.data, self.settings.data_root)
        except CuprolithError as error:
            return error.message
        return ""

    def source(self, cell: Cell) -> TrainingSource:
        """Return the data of a cell that can run."""
        return self._sources[cell.plan.dataset]

    def failed(self, cell: Cell, error: BaseException) -> None:
        """Record that a cell could not be trained."""
        message = error.message if isinstance(error, CuprolithError) else repr(error)
        self._failures[cell.plan.folder] = f"{cell}: {message}"

    def runs(self) -> list[Run]:
        """Return the runs of all cells, read from their folders."""
        return [
            read_run(
                replace(cell.plan, problem=self._failures.get(cell.plan.folder, cell.plan.problem))
            )
            for cell in self.cells
        ]

    def render(self) -> TablesSummary:
        """Write the tables with all present results."""
        runs = self.runs()
        commands = [train_command(cell) for cell in self.cells]
        content = Reproduction(self.published, runs, self.command, commands)
        write_tables(content, self.settings.out)
        return TablesSummary(runs, content.problems)


def reproduce_tables(settings: MatrixSettings, command: str) -> TablesSummary:
    """Train the matrix and render the tables after every run.

    Finished runs are not run again, killed ones resume. A run that fails does not stop the rest.

    Parameters
    ----------
    settings
        Which runs, and where.
    command
        Command line, for the page.

    Raises
    ------
    CuprolithError
        If a file of the matrix is missing or wrong.
    """
    matrix = Matrix(settings, command)
    summary = matrix.render()
    # First seeds first: complete tables without spread before incomplete ones.
    todo = sorted(
        (cell for cell in matrix.cells if not cell.plan.problem), key=lambda cell: cell.plan.seed
    )
    gpus = visible_gpus() if todo else []
    endings = _one_per_gpu(todo, gpus) if len(gpus) > 1 else _one_by_one(matrix, todo)
    for cell, error in endings:
        if error is not None:
            matrix.failed(cell, error)
            announce(f"  {cell}: {error}")
        summary = matrix.render()
    return summary


def _one_by_one(
    matrix: Matrix, cells: Iterable[Cell]
) -> Iterator[tuple[Cell, BaseException | None]]:
    for cell in cells:
        with progress_bar(str(cell), total=cell.plan.max_epochs) as bar:
            progress = EpochProgress(bar)
            try:
                source = matrix.source(cell)
                run_training(cell.file, source, cell.plan.folder, cell.plan.seed, progress)
            except CuprolithError as error:
                yield cell, error
                continue
        yield cell, None


def _one_per_gpu(
    cells: Sequence[Cell], gpus: Sequence[str]
) -> Iterator[tuple[Cell, BaseException | None]]:
    with progress_bar(f"tables on {len(gpus)} GPUs", total=len(cells)) as bar:
        for cell, error in run_in_processes(_train_cell, cells, one_gpu_each(gpus)):
            bar.advance(1, str(cell))
            yield cell, error


def _train_cell(cell: Cell) -> None:
    source = open_data(cell.file.data, cell.data_root)
    run_training(cell.file, source, cell.plan.folder, cell.plan.seed)


def train_command(cell: Cell) -> str:
    """Return the command that trains one cell alone."""
    parts = ["cuprolith train", str(cell.path), f"--seed {cell.plan.seed}"]
    parts += [f"--out {cell.plan.folder.parent}", f"--data {cell.data_root}"]
    if cell.plan.max_epochs != cell.plan.published_epochs:
        parts.append(f"--max-epochs {cell.plan.max_epochs}")
    if cell.file.training.max_time is not None:
        parts.append(f"--max-time {cell.file.training.max_time}")
    return " ".join(parts)


def dry_run(settings: MatrixSettings) -> tuple[list[tuple[str, ...]], list[str]]:
    """List what would run: run, state, frames, batch, epochs, steps; and why the rest cannot."""
    matrix = Matrix(settings, "")
    pairs = zip(matrix.cells, matrix.runs(), strict=True)
    problems = dict.fromkeys(cell.plan.problem for cell in matrix.cells if cell.plan.problem)
    return [_dry_row(matrix, cell, run) for cell, run in pairs], list(problems)


def _dry_row(matrix: Matrix, cell: Cell, run: Run) -> tuple[str, ...]:
    batch, epochs = cell.file.training.batch_size, cell.plan.max_epochs
    if cell.plan.problem:
        return (str(cell), "data missing", "", str(batch), f"{epochs:,}", "")
    n_train = matrix.source(cell).n_frames("train")
    steps = epochs * -(-n_train // batch)
    state = "finished" if run.result else f"epoch {run.epochs}" if run.epochs else "to do"
    return (str(cell), state, f"{n_train:,}", str(batch), f"{epochs:,}", f"{steps:,}")


def _published(path: Path) -> Published:
    try:
        return load_published(path)
    except (yaml.YAMLError, ValidationError) as error:
        raise CuprolithError(f"not the paper's results: {error}", where=str(path)) from error


def _check_names(option: str, given: Iterable[str], known: Iterable[str]) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise CuprolithError(
            f"{option}: unknown {', '.join(unknown)}", remedy=f"known are {', '.join(known)}"
        )


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise CuprolithError(
            "no such file",
            where=str(path),
            remedy="run in the project's folder, or name the folder of the paper's files: --inputs",
        )
    return path
