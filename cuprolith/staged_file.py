"""Atomic writes of files."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self


class StagedFile:
    """A file written under another name and moved to its place by :meth:`commit`.

    Until then, and whatever kills the process, the earlier file is unchanged. A killed process
    leaves ``.<name>.partial``, which the next write to the same path replaces.

    Parameters
    ----------
    path
        Place of the file; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = path.with_name(f".{path.name}.partial")
        try:
            self._stream = self.partial.open("wb", buffering=1 << 20)
        except OSError as error:
            raise self._explained(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    def write(self, data: bytes) -> None:
        """Append.

        Raises
        ------
        OSError
            If the system refuses, e.g. on a full disk; the earlier file is unchanged.
        """
        try:
            self._stream.write(data)
        except OSError as error:
            raise self._explained(error) from error

    def finish(self) -> None:
        """Put everything on disk, so that :meth:`commit` can no longer run out of space.

        Raises
        ------
        OSError
            As :meth:`write`.
        """
        if self._stream.closed:
            return
        try:
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
        except OSError as error:
            raise self._explained(error) from error

    def commit(self) -> None:
        """Finish, and take the place of the earlier file."""
        self.finish()
        self.partial.replace(self.path)
        sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove what is not committed."""
        try:
            self._stream.close()
        except OSError:  # the buffer could not be written; the file is removed below
            pass
        finally:
            self.partial.unlink(missing_ok=True)

    def _explained(self, error: OSError) -> OSError:
        message = (
            f"{error.strerror or error} while writing {self.path}; an earlier file there is "
            "unchanged. Make room or fix the folder's permissions, then repeat"
        )
        return OSError(error.errno, message)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
