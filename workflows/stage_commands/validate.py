"""``cuprolith validate``: other potentials, references and properties than a campaign's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cuprolith.errors import CuprolithError
from cuprolith.progress import progress_on
from workflows.stage_commands.console import console, errors_shown, made
from workflows.stage_commands.options import (
    CampaignArgument,
    DebugOption,
    UpdateOption,
    WorkdirOption,
    opened_workdir,
)

if TYPE_CHECKING:
    from workflows.validation.summary import ValidationSummary

ModelOption = Annotated[
    Path | None,
    typer.Option(
        "--model",
        help="Potential in a file: checkpoint, package or compiled model. With a campaign, judged "
        "in its place; alone, with --against.",
    ),
]
AgainstOption = Annotated[
    str | None,
    typer.Option(
        "--against",
        help="labels (the engine where they say nothing), or the name of an engine; of a model "
        "alone, an engine (elemental crystals are judged) or the folder of a dataset. Default: "
        "labels.",
    ),
]
PropertiesOption = Annotated[
    str | None,
    typer.Option("--properties", help="Names of properties, with commas between. Default: all."),
]


def with_model(validate_trained: Callable[..., None]) -> Callable[..., None]:
    """Return the command that validates what a campaign has trained, or what is asked for."""

    def command(
        campaign: CampaignArgument = None,
        workdir: WorkdirOption = None,
        model: ModelOption = None,
        against: AgainstOption = None,
        properties: PropertiesOption = None,
        update: UpdateOption = False,
        debug: DebugOption = False,
    ) -> None:
        if model is None and against is None and properties is None:
            validate_trained(campaign, workdir, update, debug)
            return
        with errors_shown(debug=debug), progress_on(console):
            names = _names(properties)
            if model is not None and campaign is None and workdir is None:
                summary = _validate_model(model, against, names, update=update)
            else:
                with opened_workdir(campaign, workdir, update=update) as opened:
                    from workflows.validation.run import LABELS, Question, validate_campaign

                    question = Question(model, against or LABELS, names)
                    summary = validate_campaign(opened, question)
            show_values(summary)
            made(summary.path, summary)

    return command


def show_values(summary: ValidationSummary) -> None:
    """Print a row per property."""
    console.print(summary.table())


def _validate_model(
    model: Path, against: str | None, names: list[str] | None, *, update: bool
) -> ValidationSummary:
    from cuprolith.lock import workdir_lock
    from workflows.validation.run import LABELS, validate_model

    if update:
        raise CuprolithError("--update is an option for campaigns", remedy="leave it out")
    if against in (None, LABELS):
        raise CuprolithError(
            "a model alone has no labels",
            remedy="add --against ENGINE or DATASET, or the campaign or --workdir whose labels "
            "count",
        )
    assert against is not None  # checked above
    folder = Path("validations")
    folder.mkdir(exist_ok=True)
    with workdir_lock(folder):
        return validate_model(model, against, names)


def _names(text: str | None) -> list[str] | None:
    """Return the names of a list with commas.

    Raises
    ------
    CuprolithError
        If there is no such property, or no name at all.
    """
    if text is None:
        return None
    from analysis.validation.settings import require_property

    names = [name.strip() for name in text.split(",") if name.strip()]
    try:
        if not names:
            raise ValueError("no property is named")
        for name in names:
            require_property(name)
    except ValueError as error:
        raise CuprolithError(f"--properties: {error}", remedy="correct the names") from error
    return names
