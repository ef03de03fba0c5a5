"""A study on a progress bar: trials done, and how good they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobflow import Job

from workflows.progress import ProgressBar, progress_bar
from workflows.tuning.epochs import epochs_on
from workflows.tuning.standing import standing
from workflows.tuning.steps import STEP, TELL, TRAIN


class StudyProgress:
    """Shows the jobs of a study: the bar counts trials, whose last job is their training."""

    def __init__(self, bar: ProgressBar, folder: Path) -> None:
        self._bar = bar
        self._folder = folder
        self._standing = ""

    def on_flow(self, n_jobs: int) -> None:
        """Ignore: the study knows how many trials it has."""

    def on_start(self, job: Job) -> None:
        """Say what runs, and how the study stands."""
        self._bar.say(", ".join(part for part in (self._standing, job.name) if part))

    def on_finish(self, job: Job, seconds: float) -> None:
        """Advance after a trial; look at the study anew after a generation."""
        self._advance(job)

    def on_skip(self, job: Job) -> None:
        """Advance."""
        self._advance(job)

    def on_fail(self, job: Job, error: BaseException) -> None:
        """Say so."""
        self._bar.say(f"FAILED {job.name}: {error}")

    def _advance(self, job: Job) -> None:
        if job.metadata.get(STEP) == TRAIN:
            self._bar.advance(1)
        elif job.metadata.get(STEP) == TELL:
            self._standing = standing(self._folder).brief
            self._bar.say(self._standing)


@contextmanager
def study_bar(title: str, folder: Path) -> Iterator[StudyProgress]:
    """Open the bar of the study in a folder, some of whose trials may be done."""
    now = standing(folder)
    with progress_bar(title, total=now.study.tuning.n_trials) as bar:
        bar.advance(now.n_told, now.brief)
        with epochs_on(bar):
            yield StudyProgress(bar, folder)
