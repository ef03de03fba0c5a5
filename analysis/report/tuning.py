"""Sections *Tuning*: comparisons of studies of the same data, and each study."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.report.content import Figure, Missing, Section, count, plural
from analysis.report.study_figures import comparison_figure, hypervolume_figure, study_label
from analysis.report.study_section import STEPS, paper_notes, study_section
from analysis.report.study_tables import comparison_table
from analysis.report.study_words import point_text
from analysis.tuning.front import front, hypervolume, objective_array
from analysis.tuning.pareto import common_reference_point, pareto, published
from analysis.tuning.trials import StudyRecord


def tuning_sections(studies: Sequence[StudyRecord], command: str) -> list[Section]:
    """Make the sections: a comparison where studies share data and objectives, then each study."""
    if not studies:
        missing = Missing("No study has been made yet.", command)
        return [Section("tuning", "Tuning", missing=missing)]
    groups = [group for group in _groups(studies) if len(group) > 1]
    sections = [_comparison(group, rank) for rank, group in enumerate(groups)]
    return [
        *sections,
        *(study_section(study, study_label(study, studies), command) for study in studies),
    ]


def tuning_fact(studies: Sequence[StudyRecord]) -> str:
    """One line for the summary."""
    return "; ".join(
        f"{study_label(study, studies)}: {plural(len(study.trials), 'trial')}, "
        f"{count(len(front(study.trials)))} on the front"
        for study in studies
        if study.trials
    )


def _groups(studies: Sequence[StudyRecord]) -> list[list[StudyRecord]]:
    """Gather studies of the same data with the same objectives."""
    groups: dict[str, list[StudyRecord]] = {}
    for study in studies:
        if study.feasible:
            key = f"{study.study.dataset} {study.study.data} {study.study.objectives}"
            groups.setdefault(key, []).append(study)
    return list(groups.values())


def _comparison(studies: Sequence[StudyRecord], rank: int) -> Section:
    results = [pareto(study) for study in studies]
    labels = [study_label(study, studies) for study in studies]
    points = [objective_array(front(study.trials)) for study in studies]
    reference = common_reference_point(studies)
    by_label = dict(zip(labels, studies, strict=True))
    papers = [paper for study in studies if (paper := published(study)) is not None]
    name = f"tuning-comparison-{rank}" if rank else "tuning-comparison"
    section = Section(name, f"Tuning: {studies[0].study.dataset}")
    section.lead = (
        "Fronts of all variants: validation error against the cost of inference, both the smaller "
        "the better."
    )
    section.notes = paper_notes(papers)
    section.figures = [
        Figure(f"{name}-fronts", f"Fronts (lines) and the other feasible trials (pale). {STEPS}",
               comparison_figure(studies, papers), height=460,
               width="full"),
        Figure(f"{name}-hypervolume",
               "Hypervolume over trials, up to one reference point for all: "
               f"{point_text(reference, results[0].objectives)}.",
               hypervolume_figure(by_label, reference), width="full"),
    ]  # fmt: skip
    areas = [hypervolume(found, reference) for found in points]
    section.tables = [comparison_table(labels, results, areas)]
    return section
