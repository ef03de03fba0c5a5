"""The whole campaign on this machine: its stages, one after another."""

from __future__ import annotations

import time

from cuprolith.errors import CuprolithError
from cuprolith.progress import announce
from workflows.stage import Stage, campaign_stages
from workflows.workdir import Workdir


def run_pipeline(workdir: Workdir) -> str:
    """Run all stages that the campaign asks for and return what to say about it.

    Each of them finds out by itself what is left to do.

    Raises
    ------
    Exception
        The error of the stage that failed; what came before is kept. A failed label does not stop
        the campaign: it is listed in ``labels.json`` and the report; nor does a failed
        training of a study.
    """
    started = time.perf_counter()
    campaign = workdir.campaign()
    for stage in campaign_stages(campaign):
        if stage.at_home:
            _run(stage, workdir)
    return f"campaign {campaign.name} finished in {time.perf_counter() - started:.0f} s"


def _run(stage: Stage, workdir: Workdir) -> None:
    announce(f"● {stage.name}")
    try:
        summary = stage.run(workdir)
    except CuprolithError as error:
        if not (error.where or error.key):
            error.where = f"{workdir.campaign_yaml}: stage {stage.name}"
        raise
    announce(f"✓ {summary}")
