"""Write the results page from records: ``python -m tests.benchmarks.samo_cobra.table DIR``."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .figure import convergence
from .methods import METHODS
from .problems import PROBLEMS, Problem
from .records import OURS, Group, Records, load

RESULTS = Path(__file__).parents[3] / "docs" / "results" / "samo_cobra"
BATCH = 12
PAGE = """# SAMO-COBRA on 17 problems

Mean hypervolume ± standard deviation over seeds after 40·d evaluations, one thread per run.
Formulas, bounds and reference points are those of the SAMO-COBRA authors. The table shows ours
beside the best of the five columns that they published (means of 10 runs).{capped}

{summary}

For 20 to 100 trials without a reference point, see [the sampler's defaults](defaults.md).

## Hypervolume

Bold: the highest mean. Ours is level with the published value if they differ by less than two
standard errors of our mean. n: number of seeds, if not 10.

{hypervolume}

![Convergence](convergence.png)

## Feasible among all evaluations

{feasible}

## Processor time per evaluation, ms

{time}

## Twelve at a time

{batch}

## Methods

{methods}

Every run is a row of [runs.csv](runs.csv). To run it again, and to write this page from the runs:

    python -m tests.benchmarks.samo_cobra.run --out DIR --methods samo-cobra nsga2 tpe --seeds 10
    python -m tests.benchmarks.samo_cobra.run --out DIR --batch 12
    python -m tests.benchmarks.samo_cobra.table DIR

pymoo and BoTorch are not dependencies of Cuprolith; a method that is not installed is left out.
"""
RIVALS = [name for name in METHODS if name != OURS]


def number(value: float, spread: float | None = None) -> str:
    """A hypervolume with up to six digits, in powers of ten from 10⁷ on."""
    power = int(np.floor(np.log10(value))) if value >= 1e7 else 0
    value /= 10**power
    decimals = 5 if power else min(4, max(0, 5 - int(np.floor(np.log10(max(value, 1.0))))))
    mean = f"{value:.{decimals}f}"
    if spread is None:
        return f"{mean}·10^{power}" if power else mean
    both = f"{mean} ± {spread / 10**power:.{decimals}f}"
    return f"({both})·10^{power}" if power else both


def best_published(problem: Problem) -> tuple[str, float]:
    return max(problem.published.items(), key=lambda item: item[1])


def verdict(ours: Group, problem: Problem) -> str:
    """Ours against the best published column, within two standard errors of our mean."""
    _, best = best_published(problem)
    difference = ours.mean() - best
    error = 2 * ours.sd / np.sqrt(ours.n_seeds)
    if difference > error:
        return "ahead"
    if difference >= -error:
        return "level"
    return f"behind by {-100 * difference / best:.2g} %"


def hypervolume_table(records: Records) -> list[str]:
    present = [name for name in RIVALS if name in records.methods()]
    head = ["problem (d)", "ours", "best published", "ours is", *(_label(name) for name in present)]
    rows = []
    for problem in PROBLEMS.values():
        ours = records.get(OURS, problem.name)
        groups = {name: records.get(name, problem.name) for name in present}
        column, published = best_published(problem)
        finished = [g.mean() for g in (ours, *groups.values()) if g and not g.capped]
        best = max([published, *finished])
        rows.append(
            [
                f"{problem.name} ({problem.n_variables})",
                _mean_and_spread(ours, best),
                _bold(number(published), published >= best) + f" {column}",
                verdict(ours, problem) if ours else "–",
                *(_mean_and_spread(group, best) for group in groups.values()),
            ]
        )
    return markdown(head, rows)


def feasibility_table(records: Records) -> list[str]:
    return _per_method(records, lambda group: f"{group.feasible_share:.0%}")


def time_table(records: Records) -> list[str]:
    return _per_method(records, lambda group: f"{1000 * group.cpu_per_evaluation:.3g}")


def _per_method(records: Records, shown: Callable[[Group], str]) -> list[str]:
    present = [name for name in METHODS if name in records.methods()]
    rows = []
    for problem in PROBLEMS:
        groups = [records.get(name, problem) for name in present]
        rows.append([problem, *(shown(group) if group else "–" for group in groups)])
    return markdown(["problem", *(_label(name) for name in present)], rows)


def batch_table(records: Records) -> list[str]:
    rows = []
    for problem in PROBLEMS:
        alone, together = records.get(OURS, problem), records.get(OURS, problem, BATCH)
        if alone and together:
            loss = 1 - together.mean() / alone.mean()
            times = [f"{1000 * group.cpu_per_evaluation:.0f}" for group in (alone, together)]
            values = [_mean_and_spread(alone), _mean_and_spread(together)]
            rows.append([problem, *values, f"{loss:+.2%}", *times])
    head = ["problem", "one at a time", "12 at a time", "loss", "ms each: one", "ms each: 12"]
    return markdown(head, rows) if rows else ["Not run."]


def summary(records: Records) -> list[str]:
    """What the tables say, counted."""
    ours = {name: group for name in PROBLEMS if (group := records.get(OURS, name))}
    if not ours:
        return ["Ours has not been run."]
    verdicts = {name: verdict(group, PROBLEMS[name]) for name, group in ours.items()}
    behind = [f"{name} ({said})" for name, said in verdicts.items() if said.startswith("behind")]
    lines = [
        f"- Against the best published column of each of {len(ours)} problems, ours is ahead on "
        f"{_count(verdicts, 'ahead')}, level on {_count(verdicts, 'level')}, behind on "
        f"{len(behind)}{': ' + ', '.join(behind) if behind else ''}."
    ]
    for rival in RIVALS:
        met = {name: group for name in ours if (group := records.get(rival, name))}
        if met:
            lines.append(f"- {_against(rival, met, ours)}")
    losses = {
        name: 1 - together.mean() / group.mean()
        for name, group in ours.items()
        if (together := records.get(OURS, name, BATCH))
    }
    if losses:
        worst = max(losses, key=losses.__getitem__)
        within = sum(loss <= 0.05 for loss in losses.values())
        lines.append(
            f"- Twelve at a time: within 5 % of one at a time on {within} of {len(losses)}; "
            f"the largest loss is {losses[worst]:.2%} ({worst})."
        )
    return lines


def page(records: Records) -> str:
    """The whole page in Markdown."""
    return PAGE.format(
        capped=_capped(records),
        summary="\n".join(summary(records)),
        hypervolume="\n".join(hypervolume_table(records)),
        feasible="\n".join(feasibility_table(records)),
        time="\n".join(time_table(records)),
        batch="\n".join(batch_table(records)),
        methods="\n".join(_methods(records)),
    )


def write_runs(records: Records, path: Path) -> None:
    """One row per run."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        keys = ["method", "problem", "batch", "seed"]
        rows.writerow([*keys, "evaluations", "budget", "hypervolume", "feasible", "cpu_seconds"])
        for run in records.all_runs():
            reached = (len(run["hypervolume"]), run["budget"], f"{run['hypervolume'][-1]:.8g}")
            rows.writerow(
                [
                    *(run[key] for key in keys),
                    *reached,
                    sum(run["feasible"]),
                    run["cpu_seconds"][-1],
                ]
            )


def _against(rival: str, met: dict[str, Group], ours: dict[str, Group]) -> str:
    ahead = [
        name for name, group in met.items() if ours[name].mean(group.n_evaluations) > group.mean()
    ]
    behind = [name for name in met if name not in ahead]
    ratios = [
        group.cpu_per_evaluation / ours[name].cpu_per_evaluation for name, group in met.items()
    ]
    lost = f", not on {', '.join(behind)}" if behind else ""
    median = float(np.median(ratios))
    times = (
        f"It takes {median:.3g} times our processor time per evaluation (median; "
        f"{min(ratios):.3g} to {max(ratios):.3g})."
        if median >= 1
        else f"Ours takes {1 / median:.3g} times its processor time per evaluation (median)."
    )
    return (
        f"Against {_label(rival)}, at equal evaluations: ahead on {len(ahead)} of "
        f"{len(met)}{lost}. {times}"
    )


def _capped(records: Records) -> str:
    caps = [run["cap_seconds"] for run in records.all_runs() if run["capped"]]
    if not caps:
        return ""
    return (
        f" Slow runs were ended after {_span(caps)} s of processor time: the table then says after "
        "how many evaluations (@), a cross ends its curve, and ours is compared at the same number."
    )


def _span(values: list[float]) -> str:
    least, most = f"{min(values):.0f}", f"{max(values):.0f}"
    return least if least == most else f"{least} to {most}"


def _methods(records: Records) -> list[str]:
    described = {run["method"]: run for run in records.all_runs()}
    lines = []
    for name in METHODS:
        if run := described.get(name):
            versions = ", ".join(f"{package} {v}" for package, v in run["versions"].items())
            lines.append(f"- **{_label(name)}**: {run['described']} ({versions}).")
    return lines


def _mean_and_spread(group: Group | None, best: float | None = None) -> str:
    if group is None:
        return "–"
    is_best = best is not None and not group.capped and group.mean() >= best
    text = _bold(number(group.mean(), group.sd if group.n_seeds > 1 else None), is_best)
    notes = [f"@{group.n_evaluations}"] if group.capped else []
    notes += [f"n = {group.n_seeds}"] if group.n_seeds != 10 else []
    return text + (f" ({', '.join(notes)})" if notes else "")


def _label(name: str) -> str:
    return METHODS[name].label


def _bold(text: str, is_bold: bool) -> str:
    return f"**{text}**" if is_bold else text


def _count(verdicts: dict[str, str], wanted: str) -> int:
    return sum(said == wanted for said in verdicts.values())


def markdown(head: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a table."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def asked_for(description: str | None, module: str) -> tuple[Records, Path]:
    """Read the command line of a module that writes a page: the records, and where it goes."""
    parser = argparse.ArgumentParser(description=description, prog=f"python -m {module}")
    parser.add_argument("folder", type=Path, help="where the records are")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the page goes")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    return load(arguments.folder), arguments.out


def main() -> None:
    """Write README.md, runs.csv and convergence.png."""
    records, out = asked_for(__doc__, __spec__.name)
    (out / "README.md").write_text(page(records))
    write_runs(records, out / "runs.csv")
    convergence(records, out / "convergence.png")


if __name__ == "__main__":
    main()
