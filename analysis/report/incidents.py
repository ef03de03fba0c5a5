"""What went otherwise than planned in the label runs, and what became of it."""

from __future__ import annotations

from typing import Any

from analysis.report.content import Table, count

_ROWS_SHOWN = 50
_WHAT = {
    "stopped_because": "ended early",
    "fallen_apart": "fell apart",
    "corrections": "corrected",
    "drift": "other settings, set aside",
}


def failure_table(failures: list[dict[str, Any]]) -> Table:
    """Make the table of failed runs."""
    rows = [
        [str(item.get("name", "–")), str(item.get("structure_id", "–")), str(item.get("error", ""))]
        for item in failures
    ]
    return _table("Failed runs; the same command tries them again", "run", rows)


def skipped_table(skipped: list[dict[str, Any]]) -> Table:
    """Make the table of structures that nothing was computed of."""
    rows = [
        [
            str(item.get("structure_id", "–")),
            str(item.get("family", "–")),
            str(item.get("reason", "")),
        ]
        for item in skipped
    ]
    caption = "Skipped, because a slab they start from cannot be used"
    return _table(caption, "structure", rows, second="family")


def incident_table(runs: list[dict[str, Any]]) -> Table | None:
    """Make the table of runs that ended early, fell apart, were corrected or drifted, if any."""
    rows = [
        [str(run.get("trajectory_id", "–")), what, _in_words(run[key])]
        for run in runs
        for key, what in _WHAT.items()
        if run.get(key)
    ]
    return _table("Incidents", "run", rows, second="what happened") if rows else None


def _in_words(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(caption: str, first: str, rows: list[list[str]], second: str = "structure") -> Table:
    shown = rows[:_ROWS_SHOWN]
    if len(rows) > len(shown):
        caption += f" (the first {len(shown)} of {count(len(rows))})"
    return Table(caption, [first, second, "reason"], shown)
