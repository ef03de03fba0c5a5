"""Stage *validate*: judge the trained potential by physical properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workflows.stage import Stage
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from workflows.validation.summary import ValidationSummary


def validate(workdir: Workdir) -> ValidationSummary:
    """Measure what is not stored yet, and write ``validation.json``.

    Raises
    ------
    CuprolithError
        If there is no finished training.
    """
    from workflows.validation.run import validate_campaign

    summary = validate_campaign(workdir)
    workdir.record_seconds("validate", summary.validation.seconds)
    return summary


def _show(summary: Any) -> None:
    from workflows.stage_commands.validate import show_values

    show_values(summary)


def _with_model(command: Callable[..., None]) -> Callable[..., None]:
    from workflows.stage_commands.validate import with_model

    return with_model(command)


STAGE = Stage(
    name="validate",
    follows="train",
    run=validate,
    output=lambda workdir, variant: workdir.validation(variant),
    help="Judge the potential by physical properties, against the labels or an engine. With "
    "--model, any potential.",
    resource="gpu",
    wanted=lambda campaign: campaign.validation.wanted,
    show=_show,
    extend=_with_model,
)
