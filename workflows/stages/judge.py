"""Stage *judge*: the Pareto front of a study that ran in a queue; at home, *tune* does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.stage import Stage
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from workflows.tuning.standing import Standing


def judge(workdir: Workdir) -> Standing:
    """Judge the campaign's study as far as its trials have been told."""
    from workflows.tuning.run import conclude

    standing = conclude(workdir.study(workdir.campaign().training.variant))
    workdir.record_seconds("tune", standing.training_seconds)
    return standing


STAGE = Stage(
    name="judge",
    follows="tune",
    run=judge,
    after_failures=True,
    at_home=False,
    wanted=lambda campaign: campaign.tuning is not None,
)
