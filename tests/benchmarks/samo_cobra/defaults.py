"""Write the page on the sampler's defaults: ``python -m tests.benchmarks.samo_cobra.defaults DIR``.

The records come from ``tests.benchmarks.samo_cobra.run``; the page says by which commands.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from .figure import convergence
from .methods import METHODS
from .problems import PROBLEMS, Problem
from .records import Group, Records
from .single import DESCRIPTIONS, SINGLE
from .table import asked_for, markdown, number

BUDGETS = (20, 30, 40, 100)
OURS = "samo-cobra-default"
RIVALS = ("tpe-default", "optuna-nsga2", "random")
SURE = 2.0  # standard errors of a difference
PAGE = """# SAMO-COBRA's defaults on few trials

`SamoCobraSampler()` without a reference point and without a search space, against samplers of
Optuna. Mean ± standard error over seeds after 20, 30, 40 and 100 trials. The hypervolume is
measured with the reference point published for each problem; no sampler knows this point.

*Lead* is the smallest difference between our mean and those of the rivals, in standard errors of
the difference: above {sure:g} ours is ahead of all, below -{sure:g} behind one. *Seeds*: number for
each method, in the order of the columns; with one seed there is no lead. **Bold**: best mean.

{summary}

## Two and three objectives: hypervolume

The 17 problems of the [comparison at 40·d evaluations](README.md), most of them with constraints.

{several}

![Convergence](defaults.png)

## One objective: best value

{single}

{functions}

## Methods

{methods}

Every run is a row of [defaults.csv](defaults.csv), where the hypervolume of a single objective is
the reference value minus the best. To run again, and to write this page from the runs:

    python -m tests.benchmarks.samo_cobra.run --out DIR --evaluations 100 \\
        --methods {names} \\
        --problems {problems}
    python -m tests.benchmarks.samo_cobra.defaults DIR
"""


def lead(ours: np.ndarray, rival: np.ndarray) -> float:
    """Difference of two means in standard errors of the difference; ours and rival are (seeds,)."""
    difference = float(ours.mean() - rival.mean())
    error = float(np.hypot(_error(ours), _error(rival)))
    if error == 0.0:
        return 0.0 if difference == 0.0 else float(np.copysign(np.inf, difference))
    return difference / error


def leads(records: Records, problem: str, budget: int) -> dict[str, float]:
    """Lead over each rival that was run with two seeds or more, as ours, by its name."""
    ours = _reached(records, OURS, problem, budget)
    rivals = {name: _reached(records, name, problem, budget) for name in RIVALS}
    return {
        name: lead(np.asarray(ours), np.asarray(rival))
        for name, rival in rivals.items()
        if min(0 if values is None else len(values) for values in (ours, rival)) > 1
    }


def summary(records: Records, problems: Iterable[str]) -> list[str]:
    """Count over problems and numbers of trials where ours is ahead, level and behind."""
    lines = []
    for rival in RIVALS:
        found = {
            (name, budget): met[rival]
            for name in problems
            for budget in BUDGETS
            if rival in (met := leads(records, name, budget))
        }
        behind = [
            f"{name} after {budget}" for (name, budget), ahead in found.items() if ahead < -SURE
        ]
        n_ahead = sum(ahead > SURE for ahead in found.values())
        lines.append(
            f"- Against {METHODS[rival].label}: ahead in {n_ahead} of {len(found)} rows, level in "
            f"{len(found) - n_ahead - len(behind)}, behind in {len(behind)}"
            f"{': ' + ', '.join(behind) if behind else ''}."
        )
    return lines


def table(records: Records, problems: Mapping[str, Problem]) -> list[str]:
    """One row for each problem and number of trials."""
    rows = []
    for name, problem in problems.items():
        for budget in BUDGETS:
            reached = [_reached(records, method, name, budget) for method in (OURS, *RIVALS)]
            best = max((values.mean() for values in reached if values is not None), default=0.0)
            least = min(leads(records, name, budget).values(), default=None)
            label = f"{name} ({problem.n_variables})" if budget == BUDGETS[0] else ""
            cells = [_cell(values, problem, best) for values in reached]
            seeds = "/".join(str(0 if values is None else len(values)) for values in reached)
            rows.append(
                [label, str(budget), *cells, "–" if least is None else f"{least:+.1f}", seeds]
            )
    methods = (METHODS[name].label for name in (OURS, *RIVALS))
    head = ["problem (d)", "trials", *methods, "lead", "seeds"]
    return markdown(head, rows)


def page(records: Records) -> str:
    """Return the whole page in Markdown."""
    functions = [f"- {name}: {described}" for name, described in DESCRIPTIONS.items()]
    groups = [records.get(name, next(iter(PROBLEMS))) for name in (OURS, *RIVALS)]
    return PAGE.format(
        sure=SURE,
        summary="\n".join(_summaries(records)),
        several="\n".join(table(records, PROBLEMS)),
        single="\n".join(table(records, SINGLE)),
        functions="\n".join(functions),
        methods="\n".join(_described(group) for group in groups if group),
        names=" ".join((OURS, *RIVALS)),
        problems=" ".join([*PROBLEMS, *SINGLE]),
    )


def write_runs(records: Records, path: Path) -> None:
    """One row per run."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["method", "problem", "seed", *BUDGETS])
        for run in records.all_runs():
            told = run["hypervolume"]
            reached = [f"{told[n - 1]:.7g}" if len(told) >= n else "" for n in BUDGETS]
            rows.writerow([run["method"], run["problem"], run["seed"], *reached])


def _summaries(records: Records) -> list[str]:
    return [
        "Two and three objectives:",
        "",
        *summary(records, PROBLEMS),
        "",
        "One objective:",
        "",
        *summary(records, SINGLE),
    ]


def _reached(records: Records, method: str, problem: str, budget: int) -> np.ndarray | None:
    """Hypervolume (seeds,) of a method after so many trials, in the runs that went so far."""
    group = records.get(method, problem)
    runs = [run["hypervolume"] for run in group.runs] if group else []
    values = np.array([run[budget - 1] for run in runs if len(run) >= budget])
    return values if len(values) else None


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def _cell(values: np.ndarray | None, problem: Problem, best: float) -> str:
    if values is None:
        return "–"
    mean, error = float(values.mean()), _error(values) if len(values) > 1 else None
    if problem.n_objectives > 1:
        text = number(mean, error)
    else:
        value = problem.reference_point[0] - mean
        small = abs(value) < 0.01
        text = f"{value:.3g}" if small else f"{value:.4f}"
        if error is not None:
            text += f" ± {error:.1g}" if small else f" ± {error:.4f}"
    return f"**{text}**" if mean == best else text


def _described(group: Group) -> str:
    run = group.runs[0]
    versions = ", ".join(f"{package} {version}" for package, version in run["versions"].items())
    label = METHODS[run["method"]].label
    return f"- **{label}**: {run['described']} ({versions})."


def main() -> None:
    """Write defaults.md, defaults.csv and defaults.png."""
    records, out = asked_for(__doc__, __spec__.name)
    (out / "defaults.md").write_text(page(records))
    write_runs(records, out / "defaults.csv")
    longest = BUDGETS[-1]
    whole = [run for run in records.all_runs() if len(run["hypervolume"]) >= longest]
    convergence(Records(whole), out / "defaults.png", evaluations=longest)


if __name__ == "__main__":
    main()
