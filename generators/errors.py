"""The error of this room: what was wrong, at which setting, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class GenerationError(ValueError):
    """A structure that the settings ask for cannot be made.

    Attributes
    ----------
    message
        What was wrong.
    remedy
        What to change.
    where
        Path of the setting, such as ``structures.interfaces[0]``; "" outside a campaign.
    """

    def __init__(self, message: str, *, remedy: str = "", where: str = "") -> None:
        self.message = message
        self.remedy = remedy
        self.where = where
        text = f"{where}: {message}" if where else message
        sentences = [text, remedy] if remedy else [text]
        super().__init__(" ".join(s if s.endswith("?") else f"{s}." for s in sentences))


@contextmanager
def located(where: str) -> Iterator[None]:
    """Give errors raised inside the path of the setting that caused them.

    Raises
    ------
    GenerationError
        The one raised inside, with ``where``; an error that already has a longer path keeps it.
    """
    try:
        yield
    except GenerationError as error:
        if error.where:
            raise
        raise GenerationError(error.message, remedy=error.remedy, where=where) from error
