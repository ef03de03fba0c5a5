"""The database's password, and files that only their owner can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pydantic import SecretStr

from cuprolith.errors import CuprolithError
from cuprolith.json_files import write_atomically
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
        remedy = "write the password into it, on one line and nothing else"
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
    found = path.stat()
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


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, at any moment; a kill leaves the old one."""
    before = os.umask(0o077)
    try:
        write_atomically(path, [text])
    finally:
        os.umask(before)


def _content(path: Path) -> str:
    try:
        require_private(path)
        return path.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\r\n")
    except OSError as error:
        raise CuprolithError(
            f"the password file cannot be read: {error.strerror}",
            where=str(path),
            key="mongodb.password_file",
            remedy="write the password into it, and chmod 600 it",
        ) from None
