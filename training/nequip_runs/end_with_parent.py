"""Processes that end when the process that started them ends, even by ``kill -9``."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.5


def end_with_parent(parent: int) -> None:
    """End this process when another one ends, even by ``kill -9``, and whatever this one is doing.

    On Linux the kernel kills this process, also inside a call that never returns. It does so when
    the *thread* that started this process ends: start such processes in a thread that stays.
    Elsewhere, and where a launcher is between the two, a thread checks twice a second.

    Parameters
    ----------
    parent
        Process id of the one that started this one.
    """
    is_child = os.getppid() == parent
    # The parent may have ended before the kernel was asked: look again after that.
    if is_child and _kernel_kills_with_parent() and os.getppid() == parent:
        return
    lives = (lambda: os.getppid() == parent) if is_child else (lambda: _exists(parent))
    threading.Thread(target=_end_after, args=(lives,), daemon=True).start()


class _GuardedProcess(SpawnProcess):
    def __reduce__(self) -> tuple[Any, ...]:
        return _guarded, (os.getpid(),), self.__dict__


class GuardedContext(SpawnContext):
    """Starts processes like multiprocessing's ``spawn``; each calls `end_with_parent` first.

    It does so before it imports anything large. Otherwise a process that loses its parent while it
    starts would import for seconds, or wait forever for what the parent has not sent.
    """

    Process = _GuardedProcess


def _guarded(parent: int) -> _GuardedProcess:
    """Make the process object in the new process; its state is read after this returns."""
    end_with_parent(parent)
    return _GuardedProcess.__new__(_GuardedProcess)


def _kernel_kills_with_parent() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:  # it has ended, or the id now belongs to another user
        return False
    return True


def _end_after(lives: Callable[[], bool]) -> None:
    while lives():
        time.sleep(_POLL_SECONDS)
    os._exit(1)
