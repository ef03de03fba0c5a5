"""Show the epochs of a trial on the progress bar of its study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from training.nequip_runs.nequip_process import EpochMetrics, OnEpoch
from workflows.progress import ProgressBar

_BAR: ContextVar[ProgressBar | None] = ContextVar("study_bar", default=None)


@contextmanager
def show_epochs_on(bar: ProgressBar) -> Iterator[None]:
    """Show on a bar the epochs of all trials that this process trains within the block."""
    token = _BAR.set(bar)
    try:
        yield
    finally:
        _BAR.reset(token)


def epoch_callback(number: int) -> OnEpoch | None:
    """Return a function that shows a trial's epochs; None without a bar, as in other processes."""
    bar = _BAR.get()
    if bar is None:
        return None

    def show(epoch: EpochMetrics) -> None:
        bar.say(f"trial {number}, epoch {epoch.epoch + 1}/{epoch.max_epochs}: {epoch}")

    return show
