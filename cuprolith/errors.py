"""Errors with a place and a remedy."""

from __future__ import annotations


class CuprolithError(Exception):
    """An error with its place and its remedy; the command line prints it without a traceback.

    Parameters
    ----------
    message
        What was wrong.
    where
        File, folder or stage.
    remedy
        What to do about it.
    key
        Key of the campaign that asked for it.
    """

    def __init__(self, message: str, where: str = "", remedy: str = "", key: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy
        self.key = key

    def __str__(self) -> str:
        """Place, message and remedy on lines of their own."""
        place = "".join(f"{part}: " for part in (self.where, self.key) if part)
        remedy = f"\n  → {self.remedy}" if self.remedy else ""
        return f"{place}{self.message}{remedy}"


class WallTimeError(CuprolithError):
    """A job's wall time is over; its labels are kept, and another job continues from there."""
