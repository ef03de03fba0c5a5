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
