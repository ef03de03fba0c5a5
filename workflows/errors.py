"""Errors a user can act on: what was wrong, where, and what to do."""

from __future__ import annotations


class CuprolithError(Exception):
    """An error with its place and its remedy; the command line prints it without a traceback.

    Parameters
    ----------
    message
        What was wrong.
    where
        File, key or structure id.
    remedy
        What to do about it.
    """

    def __init__(self, message: str, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        """Place, message and remedy on lines of their own."""
        place = f"{self.where}: " if self.where else ""
        remedy = f"\n  → {self.remedy}" if self.remedy else ""
        return f"{place}{self.message}{remedy}"
