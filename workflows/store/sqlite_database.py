"""One SQLite file shared by several collections, so that one transaction covers them all."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from workflows.errors import CuprolithError

SCHEMA_VERSION = 1

# How long a write waits for another process that is committing (s).
_BUSY_TIMEOUT = 30.0


class SqliteDatabase:
    """Connection to a database file, one per file and process; see :meth:`open`.

    Commits are durable: a write-ahead log with ``synchronous=FULL``, so neither ``kill -9`` nor a
    power failure loses a committed transaction. (``NORMAL`` would survive the kill, too, and
    saves the fsync of a few milliseconds; a label costs seconds to days.) Where the file system
    cannot share memory for a write-ahead log, SQLite stays with its rollback journal, which is as
    safe and slower.
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
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if version > SCHEMA_VERSION or (tables and not version):
            raise CuprolithError(
                f"a database of another kind or a newer version (user_version {version})",
                where=str(path),
                remedy="use another workdir, or the version of cuprolith that wrote it",
            )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        if not version:
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise CuprolithError(
            f"cannot open the database: {error}",
            where=str(path),
            remedy="check the path and its permissions; if the file is damaged, restore it from "
            "a backup or move it away",
        ) from error
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return connection
