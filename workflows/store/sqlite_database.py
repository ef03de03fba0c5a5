"""One SQLite file shared by several collections, so that one transaction covers them all."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from cuprolith.errors import CuprolithError
from workflows.jobs.disk_space import DiskFullError, is_disk_full

# 2: documents with checksums.
SCHEMA_VERSION = 2

PAGE_BYTES = 4096
# How long a write waits for another process that is committing (s).
_BUSY_TIMEOUT = 30.0


class SqliteDatabase:
    """Connection to a database file, one per file and process; see :meth:`open`.

    Commits are durable: neither ``kill -9`` nor a power failure loses a committed transaction. All
    that is committed lies in the file itself, so that a copy of it is whole. A write-ahead log is
    quicker (0.8 ms a commit instead of 4.5 ms here, while a label costs seconds to days), but
    holds the last megabytes of results while it is open, and after a kill.
    """

    _opened: ClassVar[dict[tuple[int, str], SqliteDatabase]] = {}
    _opening: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, path: Path) -> None:
        self.path = path
        self._users = 0
        self._depth = 0
        self._lock = threading.RLock()
        self._connection = _connect(path)

    @classmethod
    def open(cls, path: str | Path) -> SqliteDatabase:
        """Return this process's connection to a file; each open needs a :meth:`close`.

        Raises
        ------
        DamagedDatabaseError
            If it is such a database, and parts of it cannot be read.
        CuprolithError
            If the file cannot be opened or is not such a database.
        """
        # a connection must not cross a fork, hence the process id
        key = (os.getpid(), os.path.realpath(path))
        with cls._opening:
            database = cls._opened.get(key)
            if database is None:
                database = cls._opened[key] = cls(Path(key[1]))
            database._users += 1
        return database

    def close(self) -> None:
        """Give the connection back; the last user closes it."""
        with self._opening:
            self._users -= 1
            if self._users == 0:
                self._opened.pop((os.getpid(), str(self.path)), None)
                self._connection.close()

    def execute(self, sql: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all writes of the block together, or none; a nested block joins the outer one.

        A nested block that fails undoes its own writes only.
        """
        with self._lock:
            level = self._depth
            self.execute("BEGIN IMMEDIATE" if level == 0 else f"SAVEPOINT level{level}")
            self._depth += 1
            try:
                yield
                self.execute("COMMIT" if level == 0 else f"RELEASE level{level}")
            except BaseException:
                self._undo(level)
                raise
            finally:
                self._depth -= 1

    def _undo(self, level: int) -> None:
        if not self._connection.in_transaction:  # SQLite itself rolls back on a full disk
            return
        if level == 0:
            self.execute("ROLLBACK")
        else:
            self.execute(f"ROLLBACK TO level{level}")
            self.execute(f"RELEASE level{level}")


class DamagedDatabaseError(CuprolithError):
    """A database that SQLite calls malformed, though parts of it may be readable."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(
            f"cannot open the database: {reason}",
            where=str(path),
            remedy="bring it back from a backup; or move it away, and what it held is computed "
            "again",
        )
        self.path = path


def quoted(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(
            path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        _prepare(connection, path)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        if _is_damage(error, path):
            raise DamagedDatabaseError(path, error) from error
        if is_disk_full(error):
            raise DiskFullError(f"no space left on the disk ({error})", str(path)) from error
        raise CuprolithError(
            f"cannot open the database: {error}",
            where=str(path),
            remedy="check the path and its permissions, and that no other program holds the file",
        ) from error
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check what is in a file, and make a new one ours."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if version > SCHEMA_VERSION or (tables and not version):
        raise CuprolithError(
            f"a database of another kind or a newer version (user_version {version})",
            where=str(path),
            remedy="use another workdir, or the version of cuprolith that wrote it",
        )
    if not tables:
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
    # Reads the whole file, as those who open it do: 0.3 s for a gigabyte.
    (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if state != "ok":
        raise DamagedDatabaseError(path, " ".join(state.split()))
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("PRAGMA synchronous=EXTRA")
    if version != SCHEMA_VERSION:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _is_damage(error: sqlite3.Error, path: Path) -> bool:
    """Tell whether a file that cannot be opened is damaged."""
    # The extended part of a result code is in the higher bits.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_READONLY:  # as SQLite calls a format of the future, too
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
