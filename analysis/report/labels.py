"""Section *Labels*: how energies and forces were computed."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from analysis.distributions import Distributions
from analysis.report import figures
from analysis.report.content import (
    Figure,
    Missing,
    Section,
    Table,
    cells,
    count,
    duration,
    number,
    plural,
)
from analysis.report.inputs import Inputs
from analysis.report.run_problems import failure_table, problem_table, skipped_table

QUENCHES_SHOWN = 6


def followed_quenches(inputs: Inputs) -> dict[str, list[float]]:
    """Temperatures (K) along the first few melt-quench trajectories, by trajectory id."""
    quenches = {
        run["trajectory_id"]: [float(t) for t in run["temperature"] if t is not None]
        for run in inputs.runs
        if run.get("task") == "melt_quench" and run.get("temperature")
    }
    return dict(list(quenches.items())[:QUENCHES_SHOWN])


def run_name(run: dict[str, Any]) -> str:
    """Name of a run, from its trajectory id: "relax", "scaled-down melt-quench"."""
    return str(run["trajectory_id"]).partition("/")[2]


def labels_section(inputs: Inputs, distributions: Distributions, command: str) -> Section:
    """Make the section; `command` is what labels structures."""
    section = Section("labels", "Labels")
    runs, labels = inputs.runs, inputs.labels
    if not runs and not labels.get("failures"):
        section.missing = Missing("Nothing has been labelled yet.", command)
        return section
    section.lead = labels.get("simulated_by") or ""
    section.notes = labels.get("notes") or []
    failures = labels.get("failures") or []
    engine, functional = cells(labels, "engine", "functional")
    section.facts = [
        ("engine", engine),
        ("level of theory", functional),
        ("trajectories", count(len(runs))),
        ("ionic steps", count(_total_steps(runs))),
        ("runs that converged", _converged(runs)),
        ("failures", count(len(failures))),
    ]
    section.tables = [_run_table(inputs)] if runs else []
    if failures:
        section.tables.append(failure_table(failures))
    if skipped := labels.get("skipped"):
        section.tables.append(skipped_table(skipped))
    if problems := problem_table(runs):
        section.tables.append(problems)
    if quenches := followed_quenches(inputs):
        section.figures = [_quench_figure(inputs, quenches, distributions)]
    return section


def _quench_figure(
    inputs: Inputs, quenches: dict[str, list[float]], distributions: Distributions
) -> Figure:
    quench_runs = [run for run in inputs.runs if run.get("task") == "melt_quench"]
    names = sorted({run_name(run) for run in quench_runs})
    caption = (
        f"{' and '.join(names).capitalize()}: temperature, and energy per atom of the frames "
        "kept in the dataset, along the run."
    )
    if len(quench_runs) > len(quenches):
        caption += f" The first {len(quenches)} of {count(len(quench_runs))} are shown."
    figure = figures.melt_quench(quenches, distributions)
    return Figure("melt-quench", caption, figure, height=320, width="full")


def _run_table(inputs: Inputs) -> Table:
    families = {entry.get("structure_id"): entry["family"] for entry in inputs.entries}
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for run in inputs.runs:
        groups[(families.get(run.get("structure_id"), "–"), run_name(run))].append(run)
    rows = [[family, name, *_run_cells(group)] for (family, name), group in groups.items()]
    rows.append(["all", "", *_run_cells(inputs.runs)])
    header = ["family", "run", "runs", "ionic steps", "converged", "largest last |F|, eV/Å",
              "energy gained, eV", "time"]  # fmt: skip
    return Table("Label runs by family", header, rows, range(2, 8), total=True, families=True)


def _run_cells(group: list[dict[str, Any]]) -> list[str]:
    forces = [run["max_force_last"] for run in group if run.get("max_force_last") is not None]
    gains = [
        run["energy_first"] - run["energy_last"]
        for run in group
        if run.get("task") == "relax"
        and run.get("energy_first") is not None
        and run.get("energy_last") is not None
    ]
    return [
        count(len(group)),
        count(_total_steps(group)),
        _converged(group),
        number(max(forces, default=None)),
        number(sum(gains) if gains else None),
        duration(sum(run.get("seconds") or 0.0 for run in group)),
    ]


def _converged(runs: list[dict[str, Any]]) -> str:
    """Count the runs that converged; runs without a criterion do not count."""
    known = [run["converged"] for run in runs if run.get("converged") is not None]
    return f"{count(sum(known))} of {count(len(known))}" if known else "–"


def label_fact(inputs: Inputs) -> str:
    """One line for the summary."""
    n_failed = len(inputs.labels.get("failures") or [])
    steps = plural(_total_steps(inputs.runs), "ionic step")
    text = f"{steps} in {plural(len(inputs.runs), 'run')}"
    return text + (f", {n_failed} failed" if n_failed else "")


def _total_steps(runs: list[dict[str, Any]]) -> int:
    return sum(run.get("n_steps") or 0 for run in runs)
