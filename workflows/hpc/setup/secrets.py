"""Passwords: where they are looked up, and that nobody else can read them.

Settings name a place (``env:NAME``, ``keyring:SERVICE``, ``file:PATH``), never a password.
"""

from __future__ import annotations

import importlib
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from cuprolith.errors import CuprolithError

_PLACES = re.compile(
    r"env:[A-Za-z_][A-Za-z0-9_]*|keyring:[A-Za-z0-9_][A-Za-z0-9_.@-]*|file:/[^\x00-\x1f\x7f]+"
)
_LARGEST_FILE = 4096
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def password_place(place: str) -> str:
    """Check that a text names a place; the message never shows it, since it may be a password."""
    if not _PLACES.fullmatch(place):
        raise ValueError(
            "name where the password is, not the password: env:VARIABLE, keyring:SERVICE or "
            "file:/full/path"
        )
    return place


PasswordPlace = Annotated[str, AfterValidator(password_place)]


def read_password(place: str, user: str) -> SecretStr:
    """Return the password from where it is kept.

    Parameters
    ----------
    place
        ``env:NAME``, ``keyring:SERVICE`` or ``file:PATH``.
    user
        Name under which a keyring knows it.

    Raises
    ------
    CuprolithError
        If there is none, or others can read the file.
    """
    kind, _, name = place.partition(":")
    key = "mongodb.password_from"
    if kind == "file":
        return _from_file(Path(name), key)
    password = os.environ.get(name) if kind == "env" else _from_keyring(name, user, key)
    if not password:
        remedy = (
            f"read -rs {name} && export {name}"
            if kind == "env"
            else f"keyring set {name} {user}, or name another place"
        )
        what = f"the variable {name} is not set" if kind == "env" else "the keyring has none"
        raise CuprolithError(what, key=key, remedy=remedy)
    return _usable(password, key)


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


def _from_file(path: Path, key: str) -> SecretStr:
    try:
        with path.open("rb") as file:
            _check_private(os.fstat(file.fileno()), path)  # of what is read, not of what was there
            content = file.read(_LARGEST_FILE)
    except OSError as error:
        raise CuprolithError(
            f"the password file cannot be read: {error.strerror}",
            where=str(path),
            key=key,
            remedy="write the password into it, and chmod 600 it",
        ) from None
    try:
        password = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        password = ""
    if not password:
        raise CuprolithError(
            "the password file holds no text",
            where=str(path),
            key=key,
            remedy="write the password into it, and nothing else",
        )
    return _usable(password, key)


def _from_keyring(service: str, user: str, key: str) -> str | None:
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        raise CuprolithError(
            "the keyring cannot be asked: no Python package keyring",
            key=key,
            remedy="pip install keyring, or use env:VARIABLE or file:PATH",
        ) from None
    try:
        password: str | None = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise CuprolithError(
            f"the keyring does not answer: {type(error).__name__}",
            key=key,
            remedy="unlock it, or use env:VARIABLE or file:PATH (login nodes often have none)",
        ) from None
    return password


def _usable(password: str, key: str) -> SecretStr:
    if not password.isprintable():
        raise CuprolithError(
            "the password has a line break or a control character in it",
            key=key,
            remedy="keep the password alone there, on one line",
        )
    return SecretStr(password)


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
