"""Let trainings of one machine run side by side, and measurements alone."""

from __future__ import annotations

import getpass
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass
class OtherLoad:
    """Cores that other programs keep busy while a block of this process runs."""

    cores: float = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Set `cores` to the mean over this block, which should take more than 0.1 s."""
        process = psutil.Process()
        start, busy, own = time.monotonic(), _busy_seconds(), _cpu_seconds(process)
        yield
        others = (_busy_seconds() - busy) - (_cpu_seconds(process) - own)
        self.cores = max(0.0, others / max(time.monotonic() - start, 1e-3))


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
