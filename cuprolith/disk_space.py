"""Recognise a full disk: the run stops, and the same command resumes it when there is room."""

from __future__ import annotations

import errno
import sqlite3

from cuprolith.errors import CuprolithError

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


class DiskFullError(CuprolithError):
    """The disk, or the user's quota on it, is full."""

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(
            message,
            where=where,
            remedy="free some space, then run the same command again: it resumes, and nothing "
            "finished is lost or computed again",
        )


def is_disk_full(error: BaseException) -> bool:
    """Return whether a full disk is the error, or the reason for it."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        if isinstance(link, DiskFullError):
            return True
        if isinstance(link, OSError) and link.errno in _NO_SPACE:
            return True
        if isinstance(link, sqlite3.Error) and _primary_code(link) == sqlite3.SQLITE_FULL:
            return True
        seen.add(id(link))
        link = link.__cause__ or link.__context__
    return False


def _primary_code(error: sqlite3.Error) -> int | None:
    """Return SQLite's primary result code; the extended part is in the higher bits."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
