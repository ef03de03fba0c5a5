"""Check names that become names of files or folders."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from cuprolith.errors import CuprolithError

LONGEST_NAME = 80
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
_CRYSTAL_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 _.+-]*[A-Za-z0-9_+-])?")


def file_name(name: str) -> str:
    """Check a name that is part of a path: of a campaign, a training, a structure.

    Raises
    ------
    ValueError
        If it could name another folder, or is not valid on every file system.
    """
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise ValueError(_refusal(name, "`_ . -`"))
    return name


def crystal_name(name: str) -> str:
    """Check the name of a crystal, which may also hold spaces and `+`.

    Raises
    ------
    ValueError
        As `file_name`.
    """
    if len(name) > LONGEST_NAME or not _CRYSTAL_NAME.fullmatch(name):
        raise ValueError(_refusal(name, "`_ . + -` and spaces"))
    return name


def structure_folder(structure_id: str, where: str = "") -> str:
    """Return the name of a structure's folder, which is its id.

    Parameters
    ----------
    where
        File that contains the id.

    Raises
    ------
    CuprolithError
        If the id is not valid as the name of a folder.
    """
    try:
        return file_name(structure_id)
    except ValueError as error:
        raise CuprolithError(
            f"structure_id {error}",
            where=where,
            remedy="ids are those that `cuprolith generate` writes: run it again",
        ) from None


def is_file(path: Path) -> bool:
    """Whether a file exists; False also for a path that is not valid."""
    try:
        return path.is_file()
    except OSError:  # the name is too long
        return False


def _refusal(name: str, marks: str) -> str:
    return (
        f"{name[:LONGEST_NAME]!r} is also used as a file name: use at most {LONGEST_NAME} letters "
        f"(A to Z), digits, {marks}; begin with a letter or digit, end without dot or space"
    )


Name = Annotated[str, AfterValidator(file_name)]
CrystalName = Annotated[str, AfterValidator(crystal_name)]
