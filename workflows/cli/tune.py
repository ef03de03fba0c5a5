"""``cuprolith tune`` and ``cuprolith choose``: studies of hyper-parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cuprolith.errors import CuprolithError
from workflows.cli.console import console, errors_shown, made
from workflows.cli.options import (
    DebugOption,
    UpdateOption,
    WorkdirOption,
    opened_workdir,
    read_campaign,
)
from workflows.cli.train_file import (
    DEFAULT_DATA,
    DataOption,
    EpochsOption,
    SeedOption,
    TimeOption,
)
from workflows.lock import workdir_lock
from workflows.progress import progress_on
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from workflows.tuning.choose import Choice
    from workflows.tuning.request import Budget, StudyRequest
    from workflows.tuning.status import StudyStatus

FileArgument = Annotated[
    Path | None,
    typer.Argument(
        help="Campaign, or training file, with a section `tuning` (inputs/tuning has the "
        "paper's); may be left out when the workdir holds a campaign."
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Training file: folder of its studies; default: studies/<name>."),
]
GenerationsOption = Annotated[
    int | None, typer.Option("--generations", min=1, help="Instead of the file's.")
]
OffspringOption = Annotated[
    int | None, typer.Option("--offspring", min=1, help="Trials proposed together.")
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Trainings side by side.")
]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Show what is searched, and end.")]
StatusOption = Annotated[bool, typer.Option("--status", help="Show the study's status, and end.")]


@dataclass(frozen=True)
class _Asked:
    """What is tuned, as the command line says it."""

    file: Path | None
    workdir: Path | None
    out: Path | None
    data: Path
    seed: int | None
    max_epochs: int | None
    max_time: str | None

    @property
    def of_file(self) -> bool:
        """Whether this is about a training file; options of the other kind are refused."""
        from workflows.inputs.training_file import is_training_file

        of_file = self.file is not None and is_training_file(self.file)
        others = (self.out, self.seed, self.max_epochs, self.max_time)
        if not of_file and any(option is not None for option in others):
            raise CuprolithError(
                "--out, --seed, --max-epochs and --max-time go with a training file",
                remedy="set them in the campaign; its study goes to the workdir",
            )
        if of_file and self.workdir is not None:
            raise CuprolithError("--workdir goes with a campaign", remedy="say --out instead")
        return of_file

    def request(self) -> StudyRequest:
        """Return the study asked for, without touching a folder."""
        from workflows.tuning.request import StudyRequest

        if self.of_file:
            return self.file_request()
        campaign = read_campaign(self.file, self.workdir)
        root = self.workdir if self.workdir is not None else Path("campaigns") / campaign.name
        return StudyRequest.from_campaign(campaign, Workdir(root))

    def run(self, budget: Budget, *, update: bool) -> tuple[Path, StudyStatus]:
        """Run the study asked for while the folder that holds its own is locked."""
        from workflows.stages.tune import tune as tune_campaign
        from workflows.tuning.run import run_study

        if self.of_file:
            request = self.file_request().with_budget(budget)
            with workdir_lock(request.folder.parent):
                request.begin()
                return request.folder, run_study(request.folder)
        with opened_workdir(self.file, self.workdir, update=update) as opened:
            now = tune_campaign(opened, budget)
            return opened.study(opened.campaign().training.variant), now

    def file_request(self) -> StudyRequest:
        """Return the study of a training file."""
        from workflows.inputs.training_file import load_training_file
        from workflows.tuning.request import StudyRequest

        assert self.file is not None  # it has been looked into
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
    """Search hyper-parameters for accuracy and speed at once: propose, train, measure, and again.

    You can interrupt this at any time; rerun the command to resume. Raising --generations extends
    the same study.
    """
    with errors_shown(debug=debug), progress_on(console):
        from workflows.tuning.request import Budget

        asked = _Asked(file, workdir, out, data, seed, max_epochs, max_time)
        budget = Budget(generations, offspring, workers)
        if dry or status:
            request = asked.request().with_budget(budget)
            _show_status(request) if status else _show_plan(request)
            return
        from workflows.tuning.folder import REPORT_FILE

        folder, now = asked.run(budget, update=update)
        made(folder / REPORT_FILE, now)


StudyArgument = Annotated[Path, typer.Argument(help="Folder of a study, or the pareto.json in it.")]
TrialOption = Annotated[int | None, typer.Option("--trial", min=0, help="Take this trial.")]
KneeOption = Annotated[bool, typer.Option("--knee", help="Take the knee of the front.")]
BestOption = Annotated[
    str | None, typer.Option("--best", help="Take an end of the front: accuracy or time.")
]
FileOption = Annotated[
    Path, typer.Option("--out", "-o", help="Training file to write; an existing one stays.")
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
            "which trial?", remedy="say one of --trial N, --knee, --best accuracy, --best time"
        )
    choice = given[0]
    if isinstance(choice, str) and choice not in ("knee", "accuracy", "time"):
        raise CuprolithError(
            f"--best {choice}: neither accuracy nor time", remedy="say one of these two"
        )
    return choice  # type: ignore[return-value]  # checked above


def _show_status(request: StudyRequest) -> None:
    from workflows.tuning.status import study_status

    now = study_status(request.folder)
    console.print(escape(str(now)), soft_wrap=True)
    if not now.front.points:
        return
    units = [f"{objective.name}, {objective.unit}" for objective in now.front.objectives]
    table = Table("trial", *units, *now.study.search_space, box=None)
    for point in now.front.points:
        name = f"{point.number}{' (knee)' if point.number == now.front.knee else ''}"
        values = [f"{value:.4g}" for value in point.objectives]
        table.add_row(name, *values, *(_short(value) for value in point.parameters.values()))
    console.print(table)


def _show_plan(request: StudyRequest) -> None:
    training, tuning, start = request.training, request.tuning, request.warm_start
    table = Table("parameter", "values", box=None, title=f"{request.name} ({training.variant})")
    for name, parameter in request.search_space.items():
        table.add_row(name, escape(str(parameter)))
    console.print(table)
    flops = tuning.inference.objective == "flops"
    cost = "floating-point operations of inference" if flops else "inference time"
    limits = [f"{name} ≤ {limit:g}" for name, limit in tuning.limits.chosen.items()]
    lines = [
        f"{tuning.generations} generations of {tuning.offspring}: {tuning.n_trials} trainings of "
        f"{training.max_epochs} epochs, {tuning.workers} at a time",
        "minimised: validation force MAE (energy MAE where frames carry energies only) and "
        f"{cost} per atom",
        f"limits: {', '.join(limits) or 'none'}",
        f"tried first: {len(start.points)} points of other studies",
        *(f"left out: {text}" for text in start.left_out),
        f"folder: {request.folder}",
    ]
    for line in lines:
        console.print(escape(line), soft_wrap=True)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
