"""Tables of label runs that failed, were skipped, or had problems."""

from __future__ import annotations

from typing import Any

from analysis.report.content import Table, cells, count

_ROWS_SHOWN = 50
_PROBLEMS = {
    "stopped_because": "ended early",
    "fallen_apart": "fell apart",
    "corrections": "corrected",
    "drift": "other settings, set aside",
}


def failure_table(failures: list[dict[str, Any]]) -> Table:
    """Make the table of failed runs."""
    rows = [cells(item, "name", "structure_id", "error") for item in failures]
    return _table("Failed runs; the same command tries them again", "run", "structure", rows)


def skipped_table(skipped: list[dict[str, Any]]) -> Table:
    """Make the table of structures that were not labelled."""
    rows = [cells(item, "structure_id", "family", "reason") for item in skipped]
    caption = "Skipped, because a slab they start from cannot be used"
    return _table(caption, "structure", "family", rows)


def problem_table(runs: list[dict[str, Any]]) -> Table | None:
    """Make the table of runs that ended early, fell apart, were corrected or drifted, if any."""
    rows = [
        [*cells(run, "trajectory_id"), what, found if isinstance(found, str) else "; ".join(found)]
        for run in runs
        for key, what in _PROBLEMS.items()
        if (found := run.get(key))
    ]
    return _table("Problems of runs", "run", "problem", rows) if rows else None


def _table(caption: str, first: str, second: str, rows: list[list[str]]) -> Table:
    if len(rows) > _ROWS_SHOWN:
        caption += f" (the first {_ROWS_SHOWN} of {count(len(rows))})"
    return Table(caption, [first, second, "reason"], rows[:_ROWS_SHOWN])
