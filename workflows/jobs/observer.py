"""Being told how a run of jobs goes on."""

from __future__ import annotations

from typing import Protocol

from jobflow import Job


class Observer(Protocol):
    """What a runner tells: a progress bar, for instance."""

    def on_flow(self, n_jobs: int) -> None:
        """Take note of jobs added: those of the flow itself, later those that jobs lead to."""

    def on_start(self, job: Job) -> None:
        """Take note that a job starts."""

    def on_finish(self, job: Job, seconds: float) -> None:
        """Take note that a job has finished and its output is stored."""

    def on_skip(self, job: Job) -> None:
        """Take note that a job was finished already."""

    def on_fail(self, job: Job, error: BaseException) -> None:
        """Take note that a job ended in an exception."""


class SilentObserver:
    """An observer that does nothing."""

    def on_flow(self, n_jobs: int) -> None:
        """Ignore."""

    def on_start(self, job: Job) -> None:
        """Ignore."""

    def on_finish(self, job: Job, seconds: float) -> None:
        """Ignore."""

    def on_skip(self, job: Job) -> None:
        """Ignore."""

    def on_fail(self, job: Job, error: BaseException) -> None:
        """Ignore."""
