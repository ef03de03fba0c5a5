"""Stage *label*: run the engine on every structure; what is finished is never run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cuprolith.words import plural
from workflows.progress import progress_bar
from workflows.stage import Stage, StageJobs
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from workflows.labelling.label_summary import LabelSummary


def label(workdir: Workdir) -> LabelSummary:
    """Run every job that is not finished, then summarise."""
    from workflows.jobs.runner import run_flows
    from workflows.labelling.label_plan import LabelPlan
    from workflows.labelling.label_progress import LabelProgress
    from workflows.labelling.label_summary import summarise_labels

    plan = LabelPlan.of(workdir)
    with progress_bar("label", total=plan.n_jobs) as bar:
        run_flows(
            plan.flows(),
            plan.folder,
            observer=LabelProgress(bar),
            log_path=workdir.label_log,
            allow_external_references=True,
        )
    return summarise_labels(workdir, plan)


def _jobs(workdir: Workdir) -> StageJobs:
    from workflows.labelling.label_plan import LabelPlan

    plan = LabelPlan.of(workdir)
    return StageJobs(plan.folder, plan.flows(), plural(len(plan.runs), "run"))


STAGE = Stage(
    name="label",
    follows="generate",
    run=label,
    output=lambda workdir, _: workdir.labels_json,
    help="Run the engine on every structure into labels/; finished jobs are not run again.",
    jobs=_jobs,
)
