"""Lock a working directory for one process."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cuprolith.disk_space import is_disk_full
from cuprolith.errors import CuprolithError
from cuprolith.json_files import read_json, write_json

LOCK_FILE = ".lock"
HOLDER_FILE = ".lock.json"


class WorkdirBusyError(CuprolithError):
    """Another process works in the same working directory."""


@contextmanager
def workdir_lock(workdir: Path) -> Iterator[None]:
    """Lock a working directory, created if missing, while the block runs.

    The kernel holds the lock: it ends with the process, however that ends. A file beside it says
    who holds it; that is only used in messages, and a killed process may leave it behind.

    Raises
    ------
    WorkdirBusyError
        If another process, or another block in this one, holds it.
    CuprolithError
        If the folder cannot be made or written to.
    """
    holder_file = workdir / HOLDER_FILE
    lock = FileLock(workdir / LOCK_FILE)
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        raise _busy(workdir, _read_holder(holder_file)) from None
    except OSError as error:
        if is_disk_full(error):
            raise
        raise CuprolithError(
            f"cannot work in this folder: {error.strerror or error}",
            where=str(workdir),
            remedy="check the path and its permissions, or use another --workdir",
        ) from error
    try:
        write_json(holder_file, _this_process())
        yield
    finally:
        # First the file, then the lock: the file of the next holder must not be removed.
        holder_file.unlink(missing_ok=True)
        lock.release()


def _this_process() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def _read_holder(path: Path) -> dict[str, Any]:
    """Return what the holder wrote; empty if it has not written yet."""
    try:
        holder = read_json(path)
    except (OSError, CuprolithError, UnicodeDecodeError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _busy(workdir: Path, holder: dict[str, Any]) -> WorkdirBusyError:
    if not holder:
        return WorkdirBusyError(
            "another process works in this workdir",
            where=str(workdir),
            remedy="wait until it has finished, or use another --workdir",
        )
    return WorkdirBusyError(
        f"process {holder.get('pid')} on {holder.get('host')} works in this workdir since "
        f"{holder.get('started')}: {holder.get('command')}",
        where=str(workdir),
        remedy=f"wait until it has finished, or stop it (on {holder.get('host')}: "
        f"kill {holder.get('pid')}) and run the command again, which resumes; or use another "
        "--workdir",
    )
