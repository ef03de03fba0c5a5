"""Let trainings of one machine run side by side, and measurements alone."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from filelock import ReadWriteLock


@contextmanager
def training_lock() -> Iterator[None]:
    """Hold while training; waits while another process of this user measures."""
    with _lock().read_lock():
        yield


@contextmanager
def measuring_lock() -> Iterator[None]:
    """Hold while measuring; waits until no other process of this user trains or measures.

    While a measurement waits, no further training starts. The kernel releases the lock when the
    process ends, for whatever reason.
    """
    with _lock().write_lock():
        yield


def _lock() -> ReadWriteLock:
    # One object per use, so that threads of one process wait for each other too.
    path = Path(tempfile.gettempdir()) / f"cuprolith-{getpass.getuser()}-measuring.lock"
    return ReadWriteLock(path, is_singleton=False)


def watch_other_load() -> Callable[[], float]:
    """Start to watch the processor.

    Returns
    -------
    Function that gives the number of cores which other programs kept busy since the start, on
    average; more than 0.1 s should have passed.
    """
    process, n_cores = psutil.Process(), psutil.cpu_count() or 1
    psutil.cpu_percent()
    process.cpu_percent()
    return lambda: max(0.0, (n_cores * psutil.cpu_percent() - process.cpu_percent()) / 100)
