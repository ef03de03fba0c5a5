"""The error of generators, and the key of the campaign that caused it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cuprolith.errors import CuprolithError


class GenerationError(CuprolithError):
    """A structure that the settings ask for cannot be made."""


@contextmanager
def located(key: str) -> Iterator[None]:
    """Add the path of a setting to errors raised inside.

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
