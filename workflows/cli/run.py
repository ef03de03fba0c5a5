"""``cuprolith run``: the whole campaign."""

from __future__ import annotations

from workflows.stage_commands.console import errors_shown, made
from workflows.stage_commands.options import (
    CampaignArgument,
    DebugOption,
    UpdateOption,
    WorkdirOption,
    opened_workdir,
)


def run(
    campaign: CampaignArgument = None,
    workdir: WorkdirOption = None,
    update: UpdateOption = False,
    debug: DebugOption = False,
) -> None:
    """Generate, label, collect, train, validate, tune if the campaign asks for it, and report.

    You can interrupt this at any time; rerun the command to resume. Finished work is kept.
    """
    with errors_shown(debug=debug), opened_workdir(campaign, workdir, update=update) as opened:
        from workflows.pipeline import run_pipeline

        summary = run_pipeline(opened)
        made(opened.report_html, summary)
