"""The error of this room, and the key of the campaign that it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cuprolith.errors import CuprolithError


class GenerationError(CuprolithError):
    """A structure that the settings ask for cannot be made."""


@contextmanager
def located(key: str) -> Iterator[None]:
    """Give errors raised inside the path of the setting that caused them.

    Raises
    ------
    GenerationError
        The one raised inside, with ``key``; an error that already has a longer path keeps it.
    """
    try:
        yield
    except GenerationError as error:
        if error.key:
            raise
        raise GenerationError(error.message, remedy=error.remedy, key=key) from error
