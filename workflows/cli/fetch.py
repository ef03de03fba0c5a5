"""``cuprolith fetch``: copy the results of a submitted campaign from the cluster."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape

from cuprolith.errors import CuprolithError
from cuprolith.words import plural
from workflows.cli.hpc_options import (
    CampaignNameArgument,
    ProjectOption,
    quiet_database,
    the_campaign,
)
from workflows.stage_commands.console import console, errors_shown, say
from workflows.stage_commands.options import DebugOption
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from workflows.hpc.fetching.fetch import Fetched
    from workflows.hpc.fetching.rsync import RemoteFile

_SHOWN = 10


def fetch(
    campaign: CampaignNameArgument = None,
    project: ProjectOption = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder here; default: campaigns/<campaign name>.")
    ] = None,
    labels: Annotated[
        bool,
        typer.Option("--labels", help="Also all label results, to resume at home."),
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="All files but the engines' own and the queue's.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files here that were not fetched.")
    ] = False,
    folder: Annotated[
        str | None,
        typer.Option("--from", help="Folder on the cluster, if the campaign is in several."),
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Copy the results of a submitted campaign from the cluster: dataset, models, studies, report.

    Works while the campaign runs, too. Run it again to copy what is new or has changed.
    """
    with errors_shown(debug=debug), quiet_database(project) as controller:
        from cuprolith.lock import workdir_lock
        from cuprolith.progress import progress_on
        from workflows.hpc.fetching.campaign_place import campaign_place
        from workflows.hpc.fetching.fetch import fetch as fetch_files
        from workflows.hpc.fetching.rsync import remote_folder
        from workflows.hpc.fetching.selection import Selection
        from workflows.hpc.fetching.unfinished import not_made_yet
        from workflows.hpc.jobs.status import campaign_status

        name = the_campaign(controller, campaign)
        target = to if to is not None else _default_folder(name)
        workdir, worker = campaign_place(controller, name, folder)
        assert controller.project is not None
        selection = Selection(labels=labels, everything=everything)
        cluster = remote_folder(controller.project, worker, workdir)
        with workdir_lock(target), progress_on(console):
            found = fetch_files(cluster, target, selection, force=force)
        _show(found, target)
        missing = not_made_yet(
            (file.path for file in found.there), campaign_status(controller, name)
        )
        if missing:
            say(f"[yellow]•[/] {escape(missing)}")
        report = Workdir(target).report_html
        if report.is_file():
            say(f"→ open {escape(str(report))}")


def _default_folder(name: str) -> Path:
    if name.startswith(".") or "/" in name or not name.isprintable():
        raise CuprolithError(
            f"{name!r} cannot be the name of a folder", key="--to", remedy="name one with --to"
        )
    return Path("campaigns") / name


def _show(found: Fetched, target: Path) -> None:
    if not found.there:
        say("nothing to fetch yet")
    elif found.came:
        say(f"[green]✓[/] fetched {_amount(found.came)}; {len(found.same)} were here already")
    else:
        say(f"[green]✓[/] all {len(found.same)} files were here already")
    if found.there:
        say(f"  [dim]{escape(str(target))}[/]")
    for part, files in _by_part(found.came).items():
        say(f"  {escape(part)}: {_amount(files)}")
    if found.kept:
        shown = escape(_first(found.kept))
        say(f"[yellow]•[/] kept, since they differ and were not fetched: {shown}")
        say("  → --force replaces them")
    for reason, count in Counter(found.left.values()).items():
        paths = [path for path, why in found.left.items() if why == reason]
        say(f"[yellow]•[/] not fetched, {count} × {escape(reason)}: {escape(_first(paths))}")


def _by_part(files: list[RemoteFile]) -> dict[str, list[RemoteFile]]:
    parts: dict[str, list[RemoteFile]] = {}
    for file in sorted(files, key=lambda file: file.path):
        folder, slash, _ = file.path.partition("/")
        parts.setdefault(f"{folder}/" if slash else file.path, []).append(file)
    return parts


def _amount(files: list[RemoteFile]) -> str:
    number = plural(len(files), "file")
    return f"{number}, {decimal(sum(file.size for file in files))}"


def _first(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
