"""Stage *judge*: the Pareto front of a study that ran in a queue; at home, *tune* does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.stage import Stage
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from workflows.tuning.status import StudyStatus


def write_study_results(workdir: Workdir) -> StudyStatus:
    """Write front and page of the campaign's study from its finished trials."""
    from workflows.tuning.run import write_results

    status = write_results(workdir.study(workdir.campaign().training.variant))
    workdir.record_seconds("tune", status.training_seconds)
    return status


STAGE = Stage(
    name="judge",
    follows="tune",
    run=write_study_results,
    after_failures=True,
    at_home=False,
    wanted=lambda campaign: campaign.tuning is not None,
)
