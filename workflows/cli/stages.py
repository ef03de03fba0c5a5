"""The commands of the stages: one stage on a workdir."""

from __future__ import annotations

from collections.abc import Callable

from workflows.stage import Stage
from workflows.stage_commands.console import errors_shown, made
from workflows.stage_commands.options import (
    CampaignArgument,
    DebugOption,
    UpdateOption,
    WorkdirOption,
    opened_workdir,
)


def stage_command(stage: Stage) -> Callable[..., None]:
    """Return the command of one stage."""

    def command(
        campaign: CampaignArgument = None,
        workdir: WorkdirOption = None,
        update: UpdateOption = False,
        debug: DebugOption = False,
    ) -> None:
        with errors_shown(debug=debug), opened_workdir(campaign, workdir, update=update) as opened:
            summary = stage.run(opened)
            if stage.show is not None:
                stage.show(summary)
            made(stage.path(opened), summary)

    return command if stage.extend is None else stage.extend(command)
