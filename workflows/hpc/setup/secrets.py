"""The database's password, and files that nobody but their owner can read."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from pydantic import SecretStr

from cuprolith.errors import CuprolithError
from workflows.hpc.setup.settings import MongoSettings

PASSWORD_VARIABLE = "CUPROLITH_MONGO_PASSWORD"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def mongodb_password(mongodb: MongoSettings) -> SecretStr | None:
    """Return the password from its file or the environment; None for a database without user.

    Raises
    ------
    CuprolithError
        If there is none, it is not one line of text, or others can read its file.
    """
    if mongodb.user is None:
        return None
    if mongodb.password_file is None:
        place, text = PASSWORD_VARIABLE, os.environ.get(PASSWORD_VARIABLE, "")
        remedy = f"read -rs {PASSWORD_VARIABLE} && export {PASSWORD_VARIABLE}, or name a file in "
        remedy += "`mongodb.password_file`"
    else:
        place, text = mongodb.password_file, _content(Path(mongodb.password_file))
        remedy = "write the password into it, alone on one line"
    if not text or not text.isprintable():
        raise CuprolithError(
            f"no password of the database{', but more than one line of text' if text else ''}",
            where=place,
            key="mongodb",
            remedy=remedy,
        )
    return SecretStr(text)


def require_private(path: Path) -> None:
    """Check that nobody but its owner can read or change a file.

    Raises
    ------
    CuprolithError
        If somebody can, or it is another user's.
    """
    _check_private(path.stat(), path)


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody but its owner can read, at no moment; a kill leaves the old one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            _check_private(os.fstat(file.fileno()), path)  # of what is read, not of what was there
            return file.read().decode("utf-8", errors="surrogateescape").rstrip("\r\n")
    except OSError as error:
        raise CuprolithError(
            f"the password file cannot be read: {error.strerror}",
            where=str(path),
            key="mongodb.password_file",
            remedy="write the password into it, and chmod 600 it",
        ) from None


def _check_private(found: os.stat_result, path: Path) -> None:
    if found.st_uid not in {os.geteuid(), 0}:
        raise CuprolithError(
            "this file is another user's",
            where=str(path),
            remedy="use one of your own; its owner can change it",
        )
    if found.st_mode & _OTHERS:
        raise CuprolithError(
            f"others may read or change this file (mode {stat.S_IMODE(found.st_mode):04o})",
            where=str(path),
            remedy=f"chmod 600 {path}",
        )
