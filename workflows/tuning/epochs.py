"""Showing the epochs of a trial on the bar of its study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from training.nequip_runs.nequip_process import EpochMetrics, OnEpoch
from workflows.progress import ProgressBar

_BAR: ContextVar[ProgressBar | None] = ContextVar("study_bar", default=None)


@contextmanager
def epochs_on(bar: ProgressBar) -> Iterator[None]:
    """Show the epochs of trials that this process trains in this block on a bar."""
    token = _BAR.set(bar)
    try:
        yield
    finally:
        _BAR.reset(token)


def epochs_shown(number: int) -> OnEpoch | None:
    """Return what shows a trial's epochs; None where no bar is open, as in other processes."""
    bar = _BAR.get()
    if bar is None:
        return None

    def show(epoch: EpochMetrics) -> None:
        bar.say(f"trial {number}, epoch {epoch.epoch + 1}/{epoch.max_epochs}: {epoch}")

    return show
