"""Several short jobs in one job of the queue, one after the other.

Each runs in a fork of a Python that has loaded what jobs need: a job that dies ends no other one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from enum import Enum
from multiprocessing import get_context

import psutil

from cuprolith.errors import WallTimeError

WALL_TIME_VARIABLE = "CUPROLITH_WALL_TIME"
"""Environment variable of a job: its wall time, s."""
_OUT_OF_TIME = 75


class Ending(Enum):
    """How a job ended."""

    RAN = "ran"
    FAILED = "failed"
    WALL_TIME = "wall time"


def run_one_after_another(
    run: Callable[[str], object], uuids: list[str], longest: int
) -> dict[str, Ending]:
    """Run jobs, and return how those ended that were begun.

    Only the first is begun when there is too little wall time left for it.

    Parameters
    ----------
    run
        Runs a job; its return value is lost with its process.
    longest
        How long a job may take, s.
    """
    endings: dict[str, Ending] = {}
    for uuid in uuids:
        left = _seconds_left()
        if endings and left is not None and left < longest:
            break
        process = get_context("fork").Process(target=_run, args=(run, uuid, left))
        process.start()
        process.join()
        known = {0: Ending.RAN, _OUT_OF_TIME: Ending.WALL_TIME}
        endings[uuid] = known.get(process.exitcode or 0, Ending.FAILED)
    return endings


def _run(run: Callable[[str], object], uuid: str, left: float | None) -> None:
    import numpy as np

    np.random.seed()  # noqa: NPY002 -- forks would otherwise draw the same numbers
    if left is not None:
        os.environ[WALL_TIME_VARIABLE] = str(max(1, int(left)))
    try:
        run(uuid)
    except WallTimeError as error:
        print(f"{error}; another job resumes it", flush=True)
        raise SystemExit(_OUT_OF_TIME) from error


def _seconds_left() -> float | None:
    """Return the wall time that is left; None if there is no limit."""
    given = os.environ.get(WALL_TIME_VARIABLE)
    if given is None:
        return None
    return float(given) - (time.time() - psutil.Process().create_time())
