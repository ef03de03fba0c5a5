"""Tables and facts of studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from textwrap import shorten
from typing import Any

from analysis.report.content import Table, count, duration, flat, number, span
from analysis.report.study_words import parameter_name, parameter_value
from analysis.tuning.pareto import Pareto
from analysis.tuning.trials import StudyRecord, TrialRecord
from training.optimization.parameters import Parameter
from training.tuning.objectives import Objective

_GIB = 2**30
_FAILURES_SHOWN = 50
_REASON_LENGTH = 300
_NOT_FINITE = "an objective is not finite"


def front_table(found: Sequence[TrialRecord], result: Pareto) -> Table:
    """Make the table of the front's trials: objectives and hyper-parameters."""
    names = list(found[0].parameters)
    header = ["trial", "generation", *map(_heading, result.objectives), "spread", "peak, GiB",
              "training", *map(parameter_name, names)]  # fmt: skip
    rows = [
        [
            f"{trial.number} (knee)" if trial.number == result.knee else str(trial.number),
            str(trial.generation),
            *map(number, trial.objectives or ()),
            _spread(trial),
            number(None if (peak := trial.result.peak_memory_bytes) is None else peak / _GIB, 2),
            duration(trial.result.training_seconds),
            *(parameter_value(trial.parameters.get(name)) for name in names),
        ]
        for trial in found
    ]
    caption = (
        "The front: feasible trials that none beats in one objective without losing in the other"
    )
    return Table(caption, header, rows, range(1, len(header)))


def failure_table(trials: Sequence[TrialRecord]) -> Table:
    """Make the table of failed trials and their reasons."""
    rows = [
        [
            str(trial.number),
            str(trial.generation),
            shorten(
                trial.result.failure or "an objective is not finite",
                _REASON_LENGTH,
                placeholder="…",
            ),
            ", ".join(
                f"{parameter_name(name)} {parameter_value(value)}"
                for name, value in trial.parameters.items()
            ),
        ]
        for trial in trials[:_FAILURES_SHOWN]
    ]
    caption = "Failed trials"
    if len(trials) > len(rows):
        caption += f" (the first {len(rows)} of {count(len(trials))})"
    return Table(caption, ["trial", "generation", "reason", "hyper-parameters"], rows)


def comparison_table(
    labels: Sequence[str], results: Sequence[Pareto], hypervolumes: Sequence[float]
) -> Table:
    """Make the table of several studies, their hypervolumes up to one reference point."""
    error, cost = results[0].objectives
    rows = []
    for label, content, area in zip(labels, results, hypervolumes, strict=True):
        ends = [(content.best("accuracy"), 0), (content.best("time"), 1)] if content.points else []
        rows.append(
            [
                label,
                count(content.n_trials),
                count(content.n_feasible),
                count(content.n_failed),
                count(len(content.points)),
                *(number(point.objectives[which]) for point, which in ends),
                *([] if ends else ["–", "–"]),
                number(area, 4),
            ]
        )
    header = ["study", "trials", "feasible", "failed", "on the front",
              f"best {_heading(error)}", f"best {_heading(cost)}", "hypervolume"]  # fmt: skip
    caption = "Studies of the same data; hypervolumes up to one reference point"
    return Table(caption, header, rows, range(1, len(header)))


def measuring_facts(record: StudyRecord) -> list[tuple[str, str]]:
    """Return the conditions under which inference was measured."""
    times = [trial.result.inference for trial in record.trials if trial.result.inference]
    if not times:
        return []
    spreads = [time.spread for time in times]
    loads = [time.other_load for time in times]
    built = {True: "compiled", False: "eager"}
    return [
        ("measured on", ", ".join(sorted({time.device for time in times}))),
        ("model", ", ".join(sorted({f"{built[t.compiled]}, {t.dtype}" for t in times}))),
        ("atoms", span(time.n_atoms for time in times)),
        ("calls, median of", span(time.repeats for time in times)),
        ("threads", span(time.threads for time in times)),
        ("spread of calls (IQR)", f"{_percent(median(spreads))}, at most {_percent(max(spreads))}"),
        ("other programs' load", f"at most {number(max(loads), 2)} cores"),
    ]


def space_table(space: Mapping[str, Parameter]) -> Table:
    """Make the table of the search space."""
    rows = [[name, parameter.type, str(parameter)] for name, parameter in space.items()]
    return Table("Search space", ["hyper-parameter", "type", "values"], rows)


def settings_table(caption: str, settings: Mapping[str, Any]) -> Table:
    """Make the table of nested settings, by dotted key."""
    return Table(caption, ["setting", "value"], flat(dict(settings)))


def _heading(objective: Objective) -> str:
    return f"{objective.name}, {objective.unit}".removeprefix("validation ")


def _spread(trial: TrialRecord) -> str:
    inference = trial.result.inference
    return "–" if inference is None else _percent(inference.spread)


def _percent(share: float) -> str:
    return f"{number(100 * share, 2)} %"
