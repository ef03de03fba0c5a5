"""Cases: a command, the files it reads, and whether it must be refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["refuse", "accept", "either"]


@dataclass(frozen=True)
class Case:
    """One command line in a folder of its own.

    Attributes
    ----------
    kind
        What was made wrong, as ``file: fault``.
    arguments
        Of ``cuprolith``.
    files
        By name relative to the folder.
    verdict
        "either" where a mutation may have made another valid input; refusals must be good ones.
    named
        Regular expression of the file that a refusal must name; with it come line or key.
    """

    kind: str
    arguments: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    verdict: Verdict = "refuse"
    named: str = ""
