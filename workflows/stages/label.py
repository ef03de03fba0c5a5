"""Stage *label*: run the engine on every structure; finished jobs do not run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cuprolith.progress import ProgressBar, progress_bar
from cuprolith.words import plural
from workflows.labelling.label_metadata import BUILDS
from workflows.stage import Stage, StageJobs
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from jobflow import Job

    from workflows.labelling.label_summary import LabelSummary


def label(workdir: Workdir) -> LabelSummary:
    """Run every job that is not finished, then summarise."""
    from workflows.jobs.runner import run_flows
    from workflows.labelling.label_plan import LabelPlan
    from workflows.labelling.label_summary import summarise_labels

    plan = LabelPlan.of(workdir)
    with progress_bar("label", total=plan.n_jobs) as bar:
        run_flows(
            plan.flows(),
            plan.folder,
            observer=_LabelProgress(bar),
            log_path=workdir.label_log,
        )
    return summarise_labels(workdir, plan)


class _LabelProgress:
    """Shows jobs on a progress bar; those that only build a structure are not counted."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar

    def on_flow(self, n_jobs: int) -> None:
        """Ignore: the total of the bar contains all jobs."""

    def on_start(self, job: Job) -> None:
        """Show which job runs."""
        self._bar.say(job.name)

    def on_finish(self, job: Job, seconds: float) -> None:
        """Advance."""
        self._bar.advance(_n_labels(job))

    def on_skip(self, job: Job) -> None:
        """Advance."""
        self._bar.advance(_n_labels(job))

    def on_fail(self, job: Job, error: BaseException) -> None:
        """Advance and show the error."""
        self._bar.advance(_n_labels(job), f"FAILED {job.name}: {error}")


def _n_labels(job: Job) -> int:
    return 0 if job.metadata.get(BUILDS) else 1


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
