"""Section *Labels*: who computed energies and forces, and how that went."""

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
    count,
    duration,
    number,
    plural,
)
from analysis.report.incidents import failure_table, incident_table, skipped_table
from analysis.report.inputs import Inputs

QUENCHES_SHOWN = 6


def followed_quenches(inputs: Inputs) -> dict[str, list[float]]:
    """Temperatures (K) along the first few melt-quench trajectories, by trajectory id."""
    quenches = {
        str(run.get("trajectory_id")): [float(t) for t in run["temperature"] if t is not None]
        for run in _runs(inputs)
        if run.get("task") == "melt_quench" and run.get("temperature")
    }
    return dict(list(quenches.items())[:QUENCHES_SHOWN])


def run_name(run: dict[str, Any]) -> str:
    """Name of a run as its trajectory id has it: a scaled-down melt-quench says so."""
    _, _, name = str(run.get("trajectory_id", "")).partition("/")
    return name or str(run.get("task", "run")).replace("_", "-")


def labels_section(inputs: Inputs, distributions: Distributions, command: str) -> Section:
    """Make the section; `command` is what labels structures."""
    section = Section("labels", "Labels")
    runs, labels = _runs(inputs), inputs.labels
    if not runs and not labels.get("failures"):
        section.missing = Missing("Nothing has been labelled yet.", command)
        return section
    section.lead = str(labels.get("simulated_by") or "")
    section.notes = [str(note) for note in labels.get("notes") or []]
    relaxations = [run for run in runs if isinstance(run.get("converged"), bool)]
    reached = sum(run["converged"] for run in relaxations)
    failures = labels.get("failures") or []
    section.facts = [
        ("engine", str(labels.get("engine", "–"))),
        ("level of theory", str(labels.get("functional", "–"))),
        ("trajectories", count(len(runs))),
        ("ionic steps", count(_total_steps(runs))),
        ("runs that converged", f"{count(reached)} of {count(len(relaxations))}"),
        ("failures", count(len(failures))),
    ]
    section.tables = [_run_table(runs, _families(inputs))] if runs else []
    if failures:
        section.tables.append(failure_table(failures))
    if skipped := labels.get("skipped"):
        section.tables.append(skipped_table(skipped))
    if incidents := incident_table(runs):
        section.tables.append(incidents)
    quenches = followed_quenches(inputs)
    if quenches:
        section.figures = [_quench_figure(inputs, quenches, distributions)]
    return section


def _quench_figure(
    inputs: Inputs, quenches: dict[str, list[float]], distributions: Distributions
) -> Figure:
    quench_runs = [run for run in _runs(inputs) if run.get("task") == "melt_quench"]
    names = sorted({run_name(run) for run in quench_runs})
    caption = (
        f"{' and '.join(names).capitalize()}: temperature, and energy per atom of the frames "
        "kept in the dataset, along the run."
    )
    if len(quench_runs) > len(quenches):
        caption += f" The first {len(quenches)} of {count(len(quench_runs))} are shown."
    return Figure(
        "melt-quench",
        caption,
        figures.melt_quench(quenches, distributions),
        height=320,
        width="full",
    )


def _run_table(runs: list[dict[str, Any]], families: dict[str, str]) -> Table:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        family = families.get(str(run.get("structure_id")), "–")
        groups[(family, run_name(run))].append(run)
    rows = [[family, name, *_run_cells(group)] for (family, name), group in groups.items()]
    rows.append(["all", "", *_run_cells(runs)])
    header = ["family", "run", "runs", "ionic steps", "converged", "largest last |F|, eV/Å",
              "energy gained, eV", "time"]  # fmt: skip
    return Table("Label runs by family", header, rows, numeric=frozenset(range(2, 8)), total=True,
                 families=True)  # fmt: skip


def _run_cells(group: list[dict[str, Any]]) -> list[str]:
    judged = [run["converged"] for run in group if isinstance(run.get("converged"), bool)]
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
        f"{sum(judged)} of {len(judged)}" if judged else "–",
        number(max(forces)) if forces else "–",
        number(sum(gains)) if gains else "–",
        duration(sum(run.get("seconds") or 0.0 for run in group)),
    ]


def total_steps(inputs: Inputs) -> int:
    """Ionic steps labelled in all runs."""
    return _total_steps(_runs(inputs))


def label_fact(inputs: Inputs) -> str:
    """One line for the summary."""
    n_failed = len(inputs.labels.get("failures") or [])
    text = f"{plural(total_steps(inputs), 'ionic step')} in {plural(len(_runs(inputs)), 'run')}"
    return text + (f", {n_failed} failed" if n_failed else "")


def _runs(inputs: Inputs) -> list[dict[str, Any]]:
    return [run for run in inputs.labels.get("trajectories") or [] if isinstance(run, dict)]


def _total_steps(runs: list[dict[str, Any]]) -> int:
    return sum(run.get("n_steps") or 0 for run in runs)


def _families(inputs: Inputs) -> dict[str, str]:
    entries = inputs.structures.get("structures") or []
    return {str(entry.get("structure_id")): str(entry.get("family")) for entry in entries}
