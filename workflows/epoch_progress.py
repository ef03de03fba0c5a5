"""The epochs of a training on a progress bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cuprolith.progress import ProgressBar, announce

if TYPE_CHECKING:
    from training.nequip_runs.trainer import EpochMetrics, TrainingStart


class EpochProgress:
    """The warnings and epochs of a training, from the epoch at which it resumes.

    Parameters
    ----------
    bar
        Its total is the number of epochs.
    """

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar
        self._done = 0

    def start(self, start: TrainingStart) -> None:
        """Print the warnings and the number of epochs already trained."""
        for warning in start.warnings:
            announce(f"  warning: {warning}")
        if start.epochs_done:
            self._done = start.epochs_done
            self._bar.resume_at(start.epochs_done)
            announce(f"  {start.epochs_done} epochs are trained; resuming from there")

    def show(self, epoch: EpochMetrics) -> None:
        """Show an epoch that has ended, and its errors."""
        self._bar.advance(epoch.epoch + 1 - self._done, str(epoch))
        self._done = epoch.epoch + 1
