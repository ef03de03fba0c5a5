"""One finding of ``doctor``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Check(BaseModel):
    """One finding.

    Attributes
    ----------
    status
        ``ok``, ``missing`` (something cannot be used), ``note``, or ``skipped`` (an earlier check
        failed).
    """

    subject: str
    status: Literal["ok", "missing", "note", "skipped"]
    found: str
    remedy: str = ""

    @classmethod
    def ok(cls, subject: str, found: str) -> Check:
        """Return a check that succeeded."""
        return cls(subject=subject, status="ok", found=found)

    @classmethod
    def note(cls, subject: str, found: str, remedy: str = "") -> Check:
        """Return a check that found something worth knowing."""
        return cls(subject=subject, status="note", found=found, remedy=remedy)

    @classmethod
    def missing(cls, subject: str, found: str, remedy: str) -> Check:
        """Return a check that failed."""
        return cls(subject=subject, status="missing", found=found, remedy=remedy)
