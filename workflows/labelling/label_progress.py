"""The progress bar of jobs that label."""

from __future__ import annotations

from jobflow import Job

from workflows.labelling.label_metadata import BUILDS
from workflows.progress import ProgressBar


class LabelProgress:
    """Shows the jobs of labelling on a progress bar whose total the plan knows.

    Jobs that only build a structure are not counted.
    """

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar

    def on_flow(self, n_jobs: int) -> None:
        """Ignore: the segments to come are in the plan already."""

    def on_start(self, job: Job) -> None:
        """Say what runs."""
        self._bar.say(job.name)

    def on_finish(self, job: Job, seconds: float) -> None:
        """Advance."""
        self._bar.advance(_n_labels(job))

    def on_skip(self, job: Job) -> None:
        """Advance."""
        self._bar.advance(_n_labels(job))

    def on_fail(self, job: Job, error: BaseException) -> None:
        """Advance, and say so."""
        self._bar.advance(_n_labels(job), f"FAILED {job.name}: {error}")


def _n_labels(job: Job) -> int:
    return 0 if job.metadata.get(BUILDS) else 1
