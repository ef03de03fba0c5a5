"""The section of one study: front, progress, importances, failed trials."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from analysis.report.content import Figure, Missing, Section, count, number, plural
from analysis.report.study_figures import (
    FEWEST_TRIALS,
    hypervolume_figure,
    importance_figure,
    parallel_figure,
    pareto_figure,
    progress_figure,
)
from analysis.report.study_tables import failure_table, front_table, measuring_facts
from analysis.report.study_words import point_text
from analysis.tuning.front import front
from analysis.tuning.pareto import Pareto, pareto, published
from analysis.tuning.published import SOURCE, PublishedPoint
from analysis.tuning.trials import StudyRecord

STEPS = "Steps: the border of what the front dominates. Hover over a trial for its settings."
_FEW_POINTS = 15  # of a front are shown at once; longer tables are folded away


def study_section(record: StudyRecord, label: str, command: str) -> Section:
    """Make the section."""
    name = f"tuning-{record.study.hash[:8]}"
    section = Section(name, f"Tuning: {label} on {record.study.dataset}")
    if not record.trials:
        section.missing = Missing("No trial has been finished yet.", command)
        return section
    result = pareto(record)
    papers = [paper for paper in [published(record)] if paper]
    section.facts = [*_facts(record, result), *measuring_facts(record)]
    section.notes = _notes(record, result, papers)
    section.figures = _figures(name, record, result, papers)
    if found := front(record.trials):
        table = front_table(found, result)
        if len(found) <= _FEW_POINTS:
            section.tables.append(table)
        else:
            section.details.append((f"The front: {plural(len(found), 'trial')}", table))
        section.details.append(("Train a trial of the front", _commands(record, result)))
    if failed := [trial for trial in record.trials if trial.failed]:
        section.tables.append(failure_table(failed))
    return section


def paper_notes(papers: Sequence[PublishedPoint]) -> list[str]:
    """Return notes about the paper's results: which are shown, and which cannot be."""
    if not papers:
        return []
    if any(paper.accuracy is not None for paper in papers):
        text = f"Dotted lines: the force errors of {SOURCE}, Table IV, on the validation split"
    else:
        text = (
            f"{SOURCE} prints no force error for QM9, and its energy error without saying per what"
        )
    epochs = max(paper.epochs for paper in papers)
    notes = [
        f"{text}, after up to {epochs} epochs. Its inference times are only in a picture "
        "(Fig. 2), so no point can be drawn."
    ]
    if any(paper.dataset == "culi" for paper in papers):
        notes.append("Its Cu/Li dataset is unpublished and differs from this one.")
    return notes


def _facts(record: StudyRecord, result: Pareto) -> list[tuple[str, str]]:
    study = record.study
    facts = [
        ("trials", f"{count(result.n_trials)} of {count(study.tuning.n_trials)}"),
        ("beyond a limit", count(result.n_trials - result.n_feasible - result.n_failed)),
        ("beyond it untrained", count(sum(not (t.evaluated or t.failed) for t in record.trials))),
        ("failed", count(result.n_failed)),
        ("on the front", count(len(result.points))),
        ("knee", "–" if result.knee is None else f"trial {result.knee}"),
        ("hypervolume", number(result.hypervolume, 4)),
        ("seed", str(study.seed)),
    ]
    if result.reference_point is not None:
        text = point_text(result.reference_point, result.objectives)
        facts.append(("reference point", text))
    return [*facts, ("limits", "; ".join(_limits(record)) or "none")]


def _limits(record: StudyRecord) -> list[str]:
    units = {"peak_memory": "GiB", "inference_time": "µs/atom", "training_time": "h",
             "energy_drift": "eV/atom"}  # fmt: skip
    return [
        f"{name.replace('_', ' ')} {limit:g} {units[name]}"
        for name, limit in record.study.tuning.limits.chosen.items()
    ]


def _notes(record: StudyRecord, result: Pareto, papers: Sequence[PublishedPoint]) -> list[str]:
    notes = []
    if not result.points:
        notes.append("No trial keeps within all limits: there is no front.")
    if record.study.tuning.inference.objective == "flops":
        notes.append(
            "The cost of inference is counted, in floating-point operations; times measured are "
            "no objective here."
        )
    if sum(trial.evaluated for trial in record.trials) < FEWEST_TRIALS:
        notes.append(
            "Importance of hyper-parameters is not shown: it would be random with fewer than "
            f"{FEWEST_TRIALS} trials that have both objectives."
        )
    return notes + paper_notes(papers)


def _figures(
    name: str, record: StudyRecord, result: Pareto, papers: Sequence[PublishedPoint]
) -> list[Figure]:
    if not any(trial.evaluated for trial in record.trials):
        return []
    figures = [
        Figure(f"{name}-front", _front_caption(result),
               pareto_figure(record, result.knee, papers), height=480, width="full")
    ]  # fmt: skip
    if result.reference_point is not None:
        named = record.study.tuning.reference_point is not None
        point = point_text(result.reference_point, result.objectives)
        origin = "given" if named else "a tenth of the front's range beyond its worst"
        rate = number(100 * len(record.feasible) / len(record.trials), 3)
        figures += [
            Figure(f"{name}-hypervolume",
                   f"Hypervolume over trials, up to the reference point {point} ({origin}).",
                   hypervolume_figure({"": record}, result.reference_point)),
            Figure(f"{name}-progress",
                   f"Error of each trial, and the best within the limits so far; {rate} % of all "
                   "trials keep within them.", progress_figure(record)),
        ]  # fmt: skip
    if (importance := importance_figure(record)) is not None:
        n_parameters = len(record.study.search_space)
        figures.append(
            Figure(f"{name}-importance",
                   "Importance of the hyper-parameters for being among the best tenth, at least "
                   "five trials (PED-ANOVA).",
                   importance, height=150 + 34 * n_parameters, width="full")
        )  # fmt: skip
    figures.append(
        Figure(f"{name}-parallel",
               "Hyper-parameters and objectives of all trials; dotted lines exceed a limit.",
               parallel_figure(record), height=440, width="full")
    )  # fmt: skip
    return figures


def _front_caption(result: Pareto) -> str:
    text = f"Error and cost of inference of all trials. {STEPS}"
    if len(result.points) > 2:
        text += (
            " The knee lies farthest from the line between the front's ends (objectives that "
            "spread over more than a decade by their logarithms)."
        )
    if result.n_failed:
        failed = plural(result.n_failed, "failed trial")
        text += f" {failed} cannot be drawn; see the table below."
    return text


def _commands(record: StudyRecord, result: Pareto) -> str:
    study = shlex.quote(str(record.folder))
    choices = {
        "the knee": "--knee",
        "the most accurate": "--best accuracy",
        "the fastest": "--best time",
        "any other": f"--trial {result.points[0].number}",
    }
    lines = [
        f"cuprolith choose {study} {option} -o chosen.yaml   # {what}"
        for what, option in choices.items()
    ]
    data = Path(os.path.normpath(record.folder / record.study.data_root))
    return "\n".join([*lines, f"cuprolith train chosen.yaml --data {shlex.quote(str(data))}"])
