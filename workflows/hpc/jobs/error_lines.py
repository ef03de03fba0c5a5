"""The one line of an error that names its cause."""

from __future__ import annotations

_TRACEBACK = "Traceback (most recent call last):"
_LONGEST = 200


def error_line(error: str | None) -> str:
    """Return the line of a traceback that names the exception, or else the first of the text."""
    text = (error or "").strip()
    if text.startswith(_TRACEBACK):
        # Of a chain of tracebacks the last one is what ended the job.
        lines = text.rpartition(_TRACEBACK)[2].splitlines()
        named = [line for line in lines if line.strip() and not line.startswith(" ")]
        text = named[0] if named else text
    line = text.partition("\n")[0].strip()
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
