"""``cuprolith generate | label | collect | train | report``: one stage on a workdir."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from workflows.cli.collect import with_outputs
from workflows.cli.console import errors_shown, made
from workflows.cli.generate import show_overview
from workflows.cli.options import (
    CampaignArgument,
    DebugOption,
    UpdateOption,
    WorkdirOption,
    opened_workdir,
)
from workflows.cli.train_file import with_training_file


@dataclass(frozen=True)
class StageVerb:
    """A verb that runs ``workflows.stages.<name>.<name>(workdir)``.

    Attributes
    ----------
    summary
        Help text.
    makes
        Property of the workdir that names what the stage makes.
    show
        Prints what of the stage's summary does not fit on one line.
    extend
        Adds a second use to the command.
    """

    name: str
    summary: str
    makes: str
    show: Callable[[Any], None] | None = None
    extend: Callable[[Callable[..., None]], Callable[..., None]] | None = None


STAGE_VERBS = (
    StageVerb(
        "generate",
        "Build the campaign's structures into structures/.",
        "structures_xyz",
        show_overview,
    ),
    StageVerb(
        "label",
        "Run the engine on every structure into labels/; finished jobs are not run again.",
        "labels_json",
    ),
    StageVerb(
        "collect",
        "Turn labels into dataset/: thinned, checked, split by trajectory and parent. With --from "
        "and --out, any tree of VASP outputs.",
        "dataset_card",
        extend=with_outputs,
    ),
    StageVerb(
        "train",
        "Train the campaign's variant into training/<variant>/, or what a training file says.",
        "training_result",
        extend=with_training_file,
    ),
    StageVerb("report", "Write report/index.html, one file that opens offline.", "report_html"),
)


def stage_command(verb: StageVerb) -> Callable[..., None]:
    """Return the command of one stage."""

    def command(
        campaign: CampaignArgument = None,
        workdir: WorkdirOption = None,
        update: UpdateOption = False,
        debug: DebugOption = False,
    ) -> None:
        with errors_shown(debug=debug), opened_workdir(campaign, workdir, update=update) as opened:
            # Imported here: torch, pymatgen and NequIP take seconds, which --help need not wait.
            stage = getattr(import_module(f"workflows.stages.{verb.name}"), verb.name)
            summary = stage(opened)
            if verb.show is not None:
                verb.show(summary)
            made(getattr(opened, verb.makes), summary)

    return command if verb.extend is None else verb.extend(command)
