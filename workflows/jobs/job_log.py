"""Append-only log of a run with one JSON line per job event."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

Event = Literal["started", "finished", "failed", "skipped"]

# Fields of every entry; a line without them is damaged.
_FIELDS = {"time": str, "event": str, "uuid": str, "index": int, "name": str}
# Bytes read at the end of a log when it is opened again.
_TAIL = 1 << 16


class JobLog:
    """Append-only log of job events.

    Each line is ``{"time", "event", "uuid", "index", "name"}``, with ``"seconds"`` after a job
    ran. A line that a kill cut short is removed when the log is opened again.

    Parameters
    ----------
    path
        Log file, created with its folder if missing; None for no log.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._stream: BinaryIO | None = None
        self.last: dict[str, Any] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("ab+", buffering=0)
            self.last = _repair(self._stream)

    @cached_property
    def finished(self) -> frozenset[tuple[str, int]]:
        """Uuid and index of the jobs that had finished when this was first read."""
        if self.path is None:
            return frozenset()
        return frozenset(
            (entry["uuid"], entry["index"])
            for entry in read_job_log(self.path)
            if entry["event"] == "finished"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            self._stream.close()

    def write(
        self,
        event: Event,
        uuid: str,
        index: int,
        name: str,
        seconds: float | None = None,
        time: str | None = None,
    ) -> None:
        """Append a line, in one system call.

        Parameters
        ----------
        seconds
            How long the job ran.
        time
            When it happened, ISO 8601; now by default.

        Raises
        ------
        OSError
            If the disk is full; part of the line may have been written.
        """
        if self._stream is None:
            return
        entry: dict[str, Any] = {
            "time": time or datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            "uuid": uuid,
            "index": index,
            "name": name,
        }
        if seconds is not None:
            entry["seconds"] = round(seconds, 6)
        line = json.dumps(entry).encode("ascii") + b"\n"
        if self._stream.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def read_job_log(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a log, the oldest first; a line cut short by a kill is left out."""
    with path.open("rb") as stream:
        for line in stream:
            entry = _parsed(line)
            if entry is not None:
                yield entry


def _repair(stream: BinaryIO) -> dict[str, Any] | None:
    """Make the log end in a whole line, and return its last entry."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _TAIL))
    *whole, torn = stream.read(_TAIL).split(b"\n")
    if torn and _parsed(torn) is not None:  # only the line break is missing
        stream.write(b"\n")
        whole.append(torn)
    elif torn:
        stream.truncate(size - len(torn))
    return _parsed(whole[-1]) if whole else None


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or not _FIELDS.keys() <= entry.keys():
        return None
    return entry if all(isinstance(entry[key], kind) for key, kind in _FIELDS.items()) else None
