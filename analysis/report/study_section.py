"""The section of one study: its front, its course, what mattered, what failed."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from analysis.report.content import Figure, Missing, Section, count, number, plural
from analysis.report.parallel_coordinates import parallel_coordinates
from analysis.report.study_figures import (
    history_figure,
    importance_figure,
    pareto_figure,
    progress_figure,
)
from analysis.report.study_tables import failure_table, front_table, measuring_facts
from analysis.report.study_words import point_text
from analysis.tuning.front import front
from analysis.tuning.history import history
from analysis.tuning.importance import FEWEST_TRIALS, Importance, importances
from analysis.tuning.pareto import Pareto, pareto, published
from analysis.tuning.published import SOURCE, PublishedPoint
from analysis.tuning.trials import StudyRecord
from training.variant import VARIANTS

STEPS = "Steps: the border of what the front dominates. Hover over a trial for its settings."
_FEW_POINTS = 15  # of a front are shown at once; longer tables are folded away


def study_section(record: StudyRecord, label: str, command: str) -> Section:
    """Make the section.

    Parameters
    ----------
    label
        What to call the study.
    command
        What tunes.
    """
    name = f"tuning-{record.study.hash[:8]}"
    section = Section(name, f"Tuning: {label} on {record.study.dataset}")
    if not record.trials:
        section.missing = Missing("No trial has been finished yet.", command)
        return section
    judged, paper = pareto(record), published(record)
    ranked = _ranked(record, judged)
    section.facts = [*_facts(record, judged), *measuring_facts(record)]
    section.notes = _notes(record, judged, paper, ranked)
    section.figures = [
        *_course_figures(name, record, judged, paper),
        *_parameter_figures(name, record, judged, paper, ranked),
    ]
    if found := front(record.trials):
        table = front_table(found, judged)
        if len(found) <= _FEW_POINTS:
            section.tables.append(table)
        else:
            section.details.append((f"The front: {plural(len(found), 'trial')}", table))
        section.details.append(("Train a trial of the front", _commands(record, judged)))
    if failed := [trial for trial in record.trials if trial.failed]:
        section.tables.append(failure_table(failed))
    return section


def paper_notes(papers: Sequence[PublishedPoint]) -> list[str]:
    """Say what of the paper stands beside, and what cannot."""
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
        f"{text}, after up to {epochs} epochs. Its inference times stand in a picture only "
        "(Fig. 2): no point can be drawn."
    ]
    if any(paper.dataset == "culi" for paper in papers):
        notes.append("Its Cu/Li dataset is unpublished and another than this one.")
    return notes


def _facts(record: StudyRecord, judged: Pareto) -> list[tuple[str, str]]:
    study = record.study
    facts = [
        ("trials", f"{count(judged.n_trials)} of {count(study.tuning.n_trials)}"),
        ("beyond a limit", count(judged.n_trials - judged.n_feasible - judged.n_failed)),
        ("beyond it untrained", count(sum(not (t.judged or t.failed) for t in record.trials))),
        ("failed", count(judged.n_failed)),
        ("on the front", count(len(judged.points))),
        ("knee", "–" if judged.knee is None else f"trial {judged.knee}"),
        ("hypervolume", number(judged.hypervolume, 4)),
        ("seed", str(study.seed)),
    ]
    if judged.reference_point is not None:
        text = point_text(judged.reference_point, judged.objectives)
        facts.append(("reference point", text))
    return [*facts, ("limits", "; ".join(_limits(record)) or "none")]


def _limits(record: StudyRecord) -> list[str]:
    units = {"peak_memory": "GiB", "inference_time": "µs/atom", "training_time": "h",
             "energy_drift": "eV/atom"}  # fmt: skip
    return [
        f"{name.replace('_', ' ')} {limit:g} {units[name]}"
        for name, limit in record.study.tuning.limits.chosen.items()
    ]


def _notes(
    record: StudyRecord,
    judged: Pareto,
    paper: PublishedPoint | None,
    ranked: dict[str, list[Importance]],
) -> list[str]:
    notes = []
    if not judged.points:
        notes.append("No trial keeps within all limits: there is no front.")
    if record.study.tuning.inference.objective == "flops":
        notes.append(
            "The cost of inference is counted, in floating-point operations; times measured are "
            "no objective here."
        )
    if not ranked:
        notes.append(
            "Importance of hyper-parameters is not stated: it would be chance with fewer than "
            f"{FEWEST_TRIALS} trials that have both objectives."
        )
    return notes + paper_notes([paper] if paper else [])


def _course_figures(
    name: str, record: StudyRecord, judged: Pareto, paper: PublishedPoint | None
) -> list[Figure]:
    if not any(trial.judged for trial in record.trials):
        return []
    figures = [
        Figure(f"{name}-front", _front_caption(judged),
               pareto_figure(record, judged.objectives, judged.knee, paper), height=480,
               width="full")
    ]  # fmt: skip
    if judged.reference_point is None:
        return figures
    past = history(record.trials, judged.reference_point)
    named = record.study.tuning.reference_point is not None
    point = point_text(judged.reference_point, judged.objectives)
    origin = "as the study names it" if named else "a tenth of the front's range beyond its worst"
    rate = number(100 * float(past.feasible_rate[-1]), 3)
    return [
        *figures,
        Figure(f"{name}-hypervolume",
               f"Hypervolume over evaluations, up to the reference point {point} ({origin}).",
               history_figure({"": (past, VARIANTS[judged.variant].colour)}, judged.objectives)),
        Figure(f"{name}-progress",
               f"Error of each trial, and the best within the limits so far; {rate} % of all "
               "trials keep within them.",
               progress_figure(past, record.trials, judged.objectives[0])),
    ]  # fmt: skip


def _front_caption(judged: Pareto) -> str:
    knee = (
        " The knee lies farthest from the line between the front's ends (objectives that spread "
        "over more than a decade by their logarithms)."
        if len(judged.points) > 2
        else ""
    )
    failed = (
        f" {plural(judged.n_failed, 'failed trial')} cannot be drawn; see the table below."
        if judged.n_failed
        else ""
    )
    return f"Error and cost of inference of all trials. {STEPS}{knee}{failed}"


def _ranked(record: StudyRecord, judged: Pareto) -> dict[str, list[Importance]]:
    """Rank the parameters by objective; empty where it cannot be told."""
    found = {
        objective.name: importances(record.trials, record.study.search_space, index)
        for index, objective in enumerate(judged.objectives)
    }
    return {name: ranked for name, ranked in found.items() if ranked}


def _parameter_figures(
    name: str,
    record: StudyRecord,
    judged: Pareto,
    paper: PublishedPoint | None,
    ranked: dict[str, list[Importance]],
) -> list[Figure]:
    figures = []
    if ranked:
        n_parameters = len(next(iter(ranked.values())))
        figures.append(
            Figure(f"{name}-importance",
                   "Importance of the hyper-parameters for being among the best tenth, at least "
                   "five trials (PED-ANOVA). Ticks: what chance gives; pale bars do not exceed it.",
                   importance_figure(ranked, VARIANTS[judged.variant].colour),
                   height=150 + 34 * n_parameters, width="full")
        )  # fmt: skip
    if judged.points:
        beside = (
            ""
            if paper is None
            else f" Diamonds: the best of {SOURCE} (Tables I–III)"
            + (f" for {VARIANTS[paper.variant].label}, where the axes reach so far.")
        )
        figures.append(
            Figure(f"{name}-parallel",
                   f"Hyper-parameters and objectives of the trials within the limits.{beside}",
                   parallel_coordinates(record.feasible, front(record.trials),
                                        record.study.search_space, judged.objectives, judged.knee,
                                        paper),
                   height=440, width="full")
        )  # fmt: skip
    return figures


def _commands(record: StudyRecord, judged: Pareto) -> str:
    study = shlex.quote(str(record.folder))
    choices = {
        "the knee": "--knee",
        "the most accurate": "--best accuracy",
        "the fastest": "--best time",
        "any other": f"--trial {judged.points[0].number}",
    }
    lines = [
        f"cuprolith choose {study} {option} -o chosen.yaml   # {what}"
        for what, option in choices.items()
    ]
    data = Path(os.path.normpath(record.folder / record.study.data_root))
    return "\n".join([*lines, f"cuprolith train chosen.yaml --data {shlex.quote(str(data))}"])
