"""Arguments and options that the verbs share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cuprolith.errors import CuprolithError
from cuprolith.lock import workdir_lock
from cuprolith.progress import progress_on
from workflows.stage_commands.console import console
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from workflows.inputs.campaign import Campaign

CampaignArgument = Annotated[
    Path | None,
    typer.Argument(help="Campaign YAML; optional if the workdir holds one."),
]
WorkdirOption = Annotated[
    Path | None,
    typer.Option(
        "--workdir", "-w", help="Folder of all files; default: campaigns/<campaign name>."
    ),
]
UpdateOption = Annotated[
    bool,
    typer.Option("--update", help="Continue in a workdir whose campaign differs."),
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def read_campaign(campaign: Path | None, workdir: Path | None) -> Campaign:
    """Return the campaign of the file, or else the one frozen in the workdir.

    Raises
    ------
    CuprolithError
        If neither is given.
    """
    if campaign is not None:
        from workflows.inputs.campaign import load_campaign

        return load_campaign(campaign)
    if workdir is not None:
        return Workdir(workdir).campaign()
    raise CuprolithError(
        "no campaign and no workdir given",
        remedy="name a campaign file, or an existing --workdir",
    )


@contextmanager
def opened_workdir(
    campaign: Path | None, workdir: Path | None, *, update: bool = False
) -> Iterator[Workdir]:
    """Lock the workdir, freeze the campaign in it, and show progress while it is open.

    Raises
    ------
    CuprolithError
        If neither a campaign nor a workdir that holds one is given, if they disagree, or if
        another process works there.
    """
    if campaign is None and workdir is not None:
        opened = Workdir(workdir)
        loaded = opened.campaign()
    else:
        loaded = read_campaign(campaign, workdir)
        opened = Workdir(workdir or Path("campaigns") / loaded.name)
    try:
        opened.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CuprolithError(
            f"cannot be the workdir: {error.strerror or error}",
            where=str(opened.root),
            remedy="name a folder that can be made and written with --workdir",
        ) from error
    with workdir_lock(opened.root), progress_on(console):
        if campaign is None:
            with keys_located(opened.campaign_yaml):
                yield opened
            return
        frozen = opened.freeze(loaded, update=update)
        # Errors name the user's own files, which are the ones to correct.
        with keys_located(campaign), crystal_files_located(frozen, loaded):
            yield opened


@contextmanager
def keys_located(campaign: Path) -> Iterator[None]:
    """Add the file and line of its key to an error."""
    try:
        yield
    except CuprolithError as error:
        if error.key and not error.where:
            from workflows.inputs.campaign_errors import place_of_key

            error.where = place_of_key(campaign, error.key)
        raise


@contextmanager
def crystal_files_located(frozen: Campaign, given: Campaign) -> Iterator[None]:
    """Replace the copy of a crystal file by the file that was given, in errors."""
    try:
        yield
    except CuprolithError as error:
        for name, crystal in frozen.crystals.items():
            if crystal.file is not None and error.where == str(crystal.file):
                error.where = str(given.crystals[name].file)
        raise
