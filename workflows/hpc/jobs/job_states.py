"""jobflow-remote's states of a job, in the words of a status table."""

from __future__ import annotations

from typing import Literal

Word = Literal["done", "running", "waiting", "failed"]
WORDS: tuple[Word, ...] = ("done", "running", "waiting", "failed")

_STATES: dict[Word, tuple[str, ...]] = {
    "done": ("COMPLETED",),
    # A job that has run and whose files are being copied may still fail.
    "running": ("RUNNING", "RUN_FINISHED", "DOWNLOADED"),
    "waiting": ("WAITING", "READY", "CHECKED_OUT", "UPLOADED", "SUBMITTED", "PAUSED"),
    "failed": ("FAILED", "REMOTE_ERROR"),
}
_WORDS: dict[str, Word] = {state: word for word, states in _STATES.items() for state in states}

FAILED = "FAILED"
COMPLETED = "COMPLETED"
REMOTE_ERROR = "REMOTE_ERROR"
FAILED_STATES = _STATES["failed"]
STOPPED_STATES = ("STOPPED", "USER_STOPPED")
NOT_BEGUN_STATES = ("WAITING", "READY")
# Occupies a node.
ON_A_NODE = ("RUNNING",)
# The runner moves jobs on from these states within seconds, if nothing is wrong.
PASSING_STATES = ("CHECKED_OUT", "UPLOADED", "RUN_FINISHED", "DOWNLOADED")
# Between the queue of jobflow-remote and the end of the job.
UNDERWAY_STATES = (*PASSING_STATES, "SUBMITTED", "RUNNING")


def word_of(state: str) -> Word | None:
    """Return the word for a state; None if it has none."""
    return _WORDS.get(state)
