"""``cuprolith hpc init``: questions, flags, and the files made from the answers."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cuprolith.errors import CuprolithError
from workflows.cli.console import console, errors_shown
from workflows.cli.hpc_project import ProjectOption, ProjectsOption, project_files
from workflows.cli.options import DebugOption

if TYPE_CHECKING:
    import yaml

    from workflows.hpc.setup.project import ProjectFiles
    from workflows.hpc.setup.questions import Data, Question
    from workflows.hpc.setup.settings import HpcSettings

_NOTHING = "-"
Text = str | None
Number = int | None
_SITE, _DFT, _TRAINING, _DATABASE = "The cluster", "DFT", "Training", "Database"


def init(
    project: ProjectOption = None,
    from_file: Annotated[
        Path | None,
        typer.Option("--from", help="Settings to start from; nothing is asked then."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any setting; value in YAML; repeatable."),
    ] = None,
    scheduler: Annotated[
        Text, typer.Option(help="slurm, pbs or sge.", rich_help_panel=_SITE)
    ] = None,
    ssh_host: Annotated[
        Text, typer.Option(help="Login node to reach through SSH.", rich_help_panel=_SITE)
    ] = None,
    ssh_user: Annotated[Text, typer.Option(help="Name there.", rich_help_panel=_SITE)] = None,
    ssh_key: Annotated[Text, typer.Option(help="Private key.", rich_help_panel=_SITE)] = None,
    work_dir: Annotated[
        Text, typer.Option(help="Folder where jobs run.", rich_help_panel=_SITE)
    ] = None,
    account: Annotated[Text, typer.Option(help="Who is charged.", rich_help_panel=_SITE)] = None,
    modules: Annotated[
        Text, typer.Option(help="Modules of all jobs, apart by commas.", rich_help_panel=_SITE)
    ] = None,
    venv: Annotated[
        Text, typer.Option(help="Virtual environment on the cluster.", rich_help_panel=_SITE)
    ] = None,
    conda_base: Annotated[
        Text, typer.Option(help="Where conda is installed there.", rich_help_panel=_SITE)
    ] = None,
    conda_env: Annotated[
        Text, typer.Option(help="Conda environment there.", rich_help_panel=_SITE)
    ] = None,
    cpu_queue: Annotated[
        Text, typer.Option(help="Partition or queue for small work.", rich_help_panel=_SITE)
    ] = None,
    cpu_walltime: Annotated[
        Text, typer.Option(help="Wall time of small work.", rich_help_panel=_SITE)
    ] = None,
    parallel_environment: Annotated[
        Text, typer.Option(help="SGE's parallel environment.", rich_help_panel=_SITE)
    ] = None,
    sge_user: Annotated[
        Text, typer.Option(help="Name on an SGE cluster.", rich_help_panel=_SITE)
    ] = None,
    dft_queue: Annotated[
        Text, typer.Option(help="Partition or queue.", rich_help_panel=_DFT)
    ] = None,
    dft_cores: Annotated[
        Number, typer.Option(help="MPI ranks per node.", rich_help_panel=_DFT)
    ] = None,
    dft_nodes: Annotated[
        Number, typer.Option(help="Nodes of dft-large.", rich_help_panel=_DFT)
    ] = None,
    dft_walltime: Annotated[
        Text, typer.Option(help="hours:minutes:seconds.", rich_help_panel=_DFT)
    ] = None,
    dft_modules: Annotated[
        Text, typer.Option(help="Further modules.", rich_help_panel=_DFT)
    ] = None,
    vasp_command: Annotated[
        Text, typer.Option(help="Say `srun vasp_std`.", rich_help_panel=_DFT)
    ] = None,
    potcars: Annotated[
        Text, typer.Option(help="Folder of the potentials.", rich_help_panel=_DFT)
    ] = None,
    gpu_queue: Annotated[
        Text, typer.Option(help="Partition or queue.", rich_help_panel=_TRAINING)
    ] = None,
    gpus: Annotated[Number, typer.Option(help="GPUs of a job.", rich_help_panel=_TRAINING)] = None,
    gpu_cores: Annotated[
        Number, typer.Option(help="CPU cores of a job.", rich_help_panel=_TRAINING)
    ] = None,
    gpu_walltime: Annotated[
        Text, typer.Option(help="hours:minutes:seconds.", rich_help_panel=_TRAINING)
    ] = None,
    gpu_modules: Annotated[
        Text, typer.Option(help="Further modules.", rich_help_panel=_TRAINING)
    ] = None,
    mongo_host: Annotated[Text, typer.Option(rich_help_panel=_DATABASE)] = None,
    mongo_port: Annotated[Number, typer.Option(rich_help_panel=_DATABASE)] = None,
    mongo_database: Annotated[Text, typer.Option(rich_help_panel=_DATABASE)] = None,
    mongo_user: Annotated[Text, typer.Option(rich_help_panel=_DATABASE)] = None,
    mongo_password_from: Annotated[
        Text,
        typer.Option(
            help="env:VARIABLE, keyring:SERVICE or file:PATH; never the password.",
            rich_help_panel=_DATABASE,
        ),
    ] = None,
    projects_folder: ProjectsOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace other settings of that name.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the settings and the project; write nothing.")
    ] = False,
    no_input: Annotated[
        bool, typer.Option("--no-input", help="Ask nothing; what is not given has its default.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Write a cluster's settings and the jobflow-remote project made from them.

    In a terminal it asks for what is not given as a flag.
    """
    answers = {
        "scheduler": scheduler,
        "ssh_host": ssh_host,
        "ssh_user": ssh_user,
        "ssh_key": ssh_key,
        "work_dir": work_dir,
        "account": account,
        "modules": modules,
        "venv": venv,
        "conda_base": conda_base,
        "conda_env": conda_env,
        "cpu_queue": cpu_queue,
        "cpu_walltime": cpu_walltime,
        "parallel_environment": parallel_environment,
        "sge_user": sge_user,
        "dft_queue": dft_queue,
        "dft_cores": dft_cores,
        "dft_nodes": dft_nodes,
        "dft_walltime": dft_walltime,
        "dft_modules": dft_modules,
        "vasp_command": vasp_command,
        "potcars": potcars,
        "gpu_queue": gpu_queue,
        "gpus": gpus,
        "gpu_cores": gpu_cores,
        "gpu_walltime": gpu_walltime,
        "gpu_modules": gpu_modules,
        "mongo_host": mongo_host,
        "mongo_port": mongo_port,
        "mongo_database": mongo_database,
        "mongo_user": mongo_user,
        "mongo_password_from": mongo_password_from,
    }
    with errors_shown(debug=debug):
        from workflows.hpc.setup.settings_file import checked_settings

        files = project_files(project, projects_folder)
        place = from_file or files.settings
        ask = from_file is None and not no_input and _in_terminal()
        data, root = _start(place, files, from_file)
        stood = data if root is not None else None
        data = _gathered(data, answers, settings or [], stood, ask=ask)
        checked = checked_settings(data, place if root is not None else Path("settings"), root)
        _finish(checked, files, force=force, dry_run=dry_run)


def _in_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _start(
    place: Path, files: ProjectFiles, from_file: Path | None
) -> tuple[Data, yaml.Node | None]:
    """Return the settings to start from, and their tree: of a file, those that stand, or none."""
    from workflows.hpc.setup.secrets import require_private
    from workflows.hpc.setup.settings_file import read_data

    if from_file is None and place.exists():
        require_private(place)  # whoever can change it decides what the jobs run
    data, root = read_data(place) if from_file is not None or place.exists() else ({}, None)
    return {**data, "project": files.name}, root


def _gathered(
    data: Data,
    answers: dict[str, Any],
    assignments: list[str],
    stood: Data | None,
    *,
    ask: bool,
) -> Data:
    """Return settings' data with flags, answers and defaults in place.

    Parameters
    ----------
    stood
        The data, if settings were there before.
    """
    from workflows.hpc.setup.answers import answered, assignment, parsed, put, with_defaults
    from workflows.hpc.setup.questions import QUESTIONS

    given: Data = {}
    for question in QUESTIONS:
        value = answers[question.name]
        if value is not None:
            try:
                given[question.name] = parsed(question, str(value))
            except ValueError as error:
                flag = f"--{question.name.replace('_', '-')}"
                raise CuprolithError(str(error), key=flag, remedy=question.explanation) from None
    data = answered(data, given)
    for key, value in map(assignment, assignments):
        put(data, key, value)
    if ask:
        console.print(f"Enter takes what stands in brackets, {_NOTHING} takes nothing.")
        for question in QUESTIONS:
            if question.name not in given and question.when(data):
                data = _ask(question, data)
    return with_defaults(data, stood)


def _ask(question: Question, data: Data) -> Data:
    """Ask until the answer is good, and return the settings' data with it."""
    from workflows.hpc.setup.answers import answered, parsed, withdrawn

    default = question.default_for(data)
    shown = ", ".join(default) if isinstance(default, list) else default
    if question.explanation:
        console.print(f"[dim]{escape(question.explanation)}[/]", soft_wrap=True)
    while True:
        text = typer.prompt(
            question.text, default="" if shown is None else str(shown), show_default=bool(shown)
        )
        if text.strip() in {"", _NOTHING}:
            return withdrawn(data, question)
        try:
            return answered(data, {question.name: parsed(question, text)})
        except ValueError as error:
            console.print(f"[red]{escape(str(error))}[/]", soft_wrap=True)


def _finish(settings: HpcSettings, files: ProjectFiles, *, force: bool, dry_run: bool) -> None:
    from workflows.hpc.setup.project import mongodb_password, shown_project, write_project
    from workflows.hpc.setup.settings_file import settings_text

    if dry_run:
        typer.echo(f"# {files.settings}\n{settings_text(settings)}")
        typer.echo(f"# {files.project}\n{shown_project(settings, files)}")
        return
    password = mongodb_password(settings.mongodb)
    stood = files.project.exists()
    changed = write_project(settings, files, password, force=force)
    for path in changed:
        console.print(f"[green]✓[/] {escape(str(path))}", soft_wrap=True)
    if not changed:
        console.print("nothing to change: all is as asked")
    if password is None:
        console.print(
            "[yellow]The database asks for no password: whoever reaches it can run jobs as you.[/]",
            soft_wrap=True,
        )
    _show_next(files, runner_is_old=files.project in changed and stood)


def _show_next(files: ProjectFiles, *, runner_is_old: bool) -> None:
    from workflows.hpc.setup.project import projects_folder

    name = escape(files.name)
    console.print("Next:")
    if files.folder != projects_folder():
        folder = escape(shlex.quote(str(files.folder)))
        console.print(f"  export JFREMOTE_PROJECTS_FOLDER={folder}", soft_wrap=True)
    for command in ("cuprolith hpc check -p", "cuprolith hpc prepare -p"):
        console.print(f"  {command} {name}", soft_wrap=True)
    console.print(f"  jf -p {name} runner start", soft_wrap=True)
    if runner_is_old:
        console.print(
            f"A runner that runs knows the old project; for it: jf -p {name} runner restart",
            soft_wrap=True,
        )
