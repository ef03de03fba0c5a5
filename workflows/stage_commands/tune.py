"""``cuprolith tune`` and ``cuprolith choose``: studies of hyper-parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cuprolith.errors import CuprolithError
from cuprolith.lock import workdir_lock
from cuprolith.progress import progress_on
from cuprolith.words import plural
from workflows.stage_commands.console import console, errors_shown, made
from workflows.stage_commands.options import (
    DebugOption,
    UpdateOption,
    WorkdirOption,
    opened_workdir,
    read_campaign,
)
from workflows.stage_commands.train_file import (
    DEFAULT_DATA,
    DataOption,
    EpochsOption,
    SeedOption,
    TimeOption,
)
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from workflows.tuning.choose import Choice
    from workflows.tuning.request import Budget, StudyRequest
    from workflows.tuning.status import StudyStatus

FileArgument = Annotated[
    Path | None,
    typer.Argument(
        help="Campaign or training file with a section `tuning` (inputs/tuning has the paper's "
        "studies). Optional if the workdir holds a campaign."
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Folder of the studies of a training file; default: studies/<name>."
    ),
]
GenerationsOption = Annotated[
    int | None,
    typer.Option("--generations", min=1, help="Number of generations, in place of the file's."),
]
OffspringOption = Annotated[
    int | None, typer.Option("--offspring", min=1, help="Trials proposed together.")
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Trainings side by side.")
]
DryOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be searched; run nothing.")
]
StatusOption = Annotated[
    bool, typer.Option("--status", help="Show the status of the study; run nothing.")
]


@dataclass(frozen=True)
class _Arguments:
    """Arguments of the command line that say what is tuned."""

    file: Path | None
    workdir: Path | None
    out: Path | None
    data: Path
    seed: int | None
    max_epochs: int | None
    max_time: str | None

    @property
    def names_training_file(self) -> bool:
        """Whether a training file is tuned, not a campaign; options of the other are refused."""
        from workflows.inputs.training_file import is_training_file

        is_file = self.file is not None and is_training_file(self.file)
        others = (self.out, self.seed, self.max_epochs, self.max_time)
        if not is_file and any(option is not None for option in others):
            raise CuprolithError(
                "--out, --seed, --max-epochs and --max-time are options for training files",
                remedy="set them in the campaign; its study is in the workdir",
            )
        if is_file and self.workdir is not None:
            raise CuprolithError("--workdir is an option for campaigns", remedy="use --out instead")
        return is_file

    def request(self) -> StudyRequest:
        """Return the study; nothing is written."""
        from workflows.tuning.request import StudyRequest

        if self.names_training_file:
            return self.file_request()
        campaign = read_campaign(self.file, self.workdir)
        root = self.workdir if self.workdir is not None else Path("campaigns") / campaign.name
        return StudyRequest.from_campaign(campaign, Workdir(root))

    def run(self, budget: Budget, *, update: bool) -> tuple[Path, StudyStatus]:
        """Run the study while the folder above its own is locked."""
        from workflows.tuning.run import run_campaign_study, run_study

        if self.names_training_file:
            request = self.file_request().with_budget(budget)
            with workdir_lock(request.folder.parent):
                request.begin()
                return request.folder, run_study(request.folder)
        with opened_workdir(self.file, self.workdir, update=update) as opened:
            status = run_campaign_study(opened, budget)
            return opened.study(opened.campaign().training.variant), status

    def file_request(self) -> StudyRequest:
        """Return the study of a training file."""
        from workflows.inputs.training_file import load_training_file
        from workflows.tuning.request import StudyRequest

        assert self.file is not None  # checked by names_training_file
        loaded = load_training_file(self.file).limited(self.max_epochs, self.max_time)
        root = self.out or Path("studies") / loaded.name
        return StudyRequest.from_training_file(loaded, self.data, root, self.seed)


def tune(
    file: FileArgument = None,
    workdir: WorkdirOption = None,
    out: OutOption = None,
    data: DataOption = DEFAULT_DATA,
    seed: SeedOption = None,
    generations: GenerationsOption = None,
    offspring: OffspringOption = None,
    workers: WorkersOption = None,
    max_epochs: EpochsOption = None,
    max_time: TimeOption = None,
    update: UpdateOption = False,
    dry: DryOption = False,
    status: StatusOption = False,
    debug: DebugOption = False,
) -> None:
    """Search hyper-parameters for accuracy and speed: propose, measure, train, repeat.

    You can interrupt this at any time; rerun the command to resume. Raising --generations extends
    the same study.
    """
    with errors_shown(debug=debug), progress_on(console):
        from workflows.tuning.request import Budget

        arguments = _Arguments(file, workdir, out, data, seed, max_epochs, max_time)
        budget = Budget(generations, offspring, workers)
        if dry or status:
            request = arguments.request().with_budget(budget)
            _show_status(request) if status else _show_plan(request)
            return
        from workflows.tuning.folder import REPORT_FILE

        folder, finished = arguments.run(budget, update=update)
        made(folder / REPORT_FILE, finished)


StudyArgument = Annotated[Path, typer.Argument(help="Folder of a study, or the pareto.json in it.")]
TrialOption = Annotated[int | None, typer.Option("--trial", min=0, help="Number of a trial.")]
KneeOption = Annotated[bool, typer.Option("--knee", help="The knee of the front.")]
BestOption = Annotated[
    str | None, typer.Option("--best", help="An end of the front: accuracy or time.")
]
FileOption = Annotated[
    Path,
    typer.Option("--out", "-o", help="Training file to write; an existing file is not replaced."),
]


def choose(
    study: StudyArgument,
    out: FileOption,
    trial: TrialOption = None,
    knee: KneeOption = False,
    best: BestOption = None,
    debug: DebugOption = False,
) -> None:
    """Turn a trial of a study into a training file for `cuprolith train`."""
    with errors_shown(debug=debug):
        from cuprolith.json_files import write_atomically
        from workflows.tuning.choose import choose as choose_trial

        chosen = choose_trial(study, _choice(trial, knee, best))
        if out.exists():
            raise CuprolithError(
                "the file exists", where=str(out), remedy="name another, or remove it"
            )
        write_atomically(out, [chosen.to_yaml()])
        made(out, chosen)
        console.print(escape(chosen.command(out)), soft_wrap=True)


def _choice(trial: int | None, knee: bool, best: str | None) -> Choice:
    given = [choice for choice in (trial, "knee" if knee else None, best) if choice is not None]
    if len(given) != 1:
        raise CuprolithError(
            "which trial?", remedy="give one of --trial N, --knee, --best accuracy, --best time"
        )
    choice = given[0]
    if isinstance(choice, str) and choice not in ("knee", "accuracy", "time"):
        raise CuprolithError(
            f"--best {choice}: neither accuracy nor time", remedy="give one of these two"
        )
    return choice  # type: ignore[return-value]  # checked above


def _show_status(request: StudyRequest) -> None:
    from workflows.tuning.status import study_status

    status = study_status(request.folder)
    console.print(escape(str(status)), soft_wrap=True)
    if not status.front.points:
        return
    units = [f"{objective.name}, {objective.unit}" for objective in status.front.objectives]
    table = Table("trial", *units, *status.study.search_space, box=None)
    for point in status.front.points:
        name = f"{point.number}{' (knee)' if point.number == status.front.knee else ''}"
        values = [f"{value:.4g}" for value in point.objectives]
        table.add_row(name, *values, *(_short(value) for value in point.parameters.values()))
    console.print(table)


def _show_plan(request: StudyRequest) -> None:
    from training.tuning.objectives import objectives

    training, tuning, start = request.training, request.tuning, request.warm_start
    table = Table("parameter", "values", box=None, title=f"{request.name} ({training.variant})")
    for name, parameter in request.search_space.items():
        table.add_row(name, escape(str(parameter)))
    console.print(table)
    accuracy, cost = objectives(tuning, has_forces=True)
    energies, _ = objectives(tuning, has_forces=False)
    limits = [f"{name} ≤ {limit:g}" for name, limit in tuning.limits.chosen.items()]
    lines = [
        f"{tuning.generations} generations of {tuning.offspring}: {tuning.n_trials} trainings of "
        f"{training.max_epochs} epochs, {tuning.workers} at a time",
        f"minimised: {accuracy}, or {energies} for data without forces; {cost}",
        f"limits: {', '.join(limits) or 'none'}",
        f"tried first: {plural(len(start.points), 'point')} of other studies",
        *(f"left out: {text}" for text in start.left_out),
        f"folder: {request.folder}",
    ]
    for line in lines:
        console.print(escape(line), soft_wrap=True)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
