"""Write the page of a study that has no campaign."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from analysis.report.content import Section, duration, number, plural
from analysis.report.page import Stage, Verdict, page_html
from analysis.report.study_figures import study_label
from analysis.report.study_tables import settings_table, space_table
from analysis.report.tuning import tuning_sections
from analysis.tuning.front import front
from analysis.tuning.pareto import pareto
from analysis.tuning.trials import StudyRecord, load_record
from cuprolith.json_files import write_atomically


def write_study_page(
    folder: Path, page: Path, beside: Sequence[Path] = (), command: str | None = None
) -> Path:
    """Write a page about the study in a folder; it opens offline.

    Parameters
    ----------
    folder
        Folder of the study.
    page
        HTML file to write, atomically.
    beside
        Folders of other studies for the same page; those of the same data are in the same figures.
    command
        Command that makes and resumes the study.

    Raises
    ------
    FileNotFoundError, ValueError
        If a folder holds no study or broken files.
    OSError
        If the page cannot be written.
    """
    studies = [load_record(place) for place in (folder, *beside)]
    command = command or f"cuprolith tune STUDY.yaml --out {shlex.quote(str(folder))}"
    text = page_html(
        title=studies[0].study.name,
        lead="Hyper-parameters for accuracy and speed at once.",
        verdict=_verdict(studies[0], command),
        stages=[_stage(study, studies) for study in studies],
        sections=[*tuning_sections(studies, command), *map(_settings_section, studies)],
    )
    write_atomically(page, [text])
    return page


def _verdict(record: StudyRecord, command: str) -> Verdict:
    result = pareto(record)
    planned = record.study.tuning.n_trials
    if result.n_trials < planned:
        sentence = f"{result.n_trials} of {plural(planned, 'trial')}. To resume:"
        return Verdict("open", "The study is not finished", sentence, command)
    if result.knee is None:
        return Verdict("bad", "No trial keeps within all limits", plural(planned, "trial"))
    values = result.point(result.knee).objectives
    reached = " at ".join(
        f"{number(value)} {objective.unit}"
        for value, objective in zip(values, result.objectives, strict=True)
    )
    return Verdict(
        "good",
        f"{plural(len(result.points), 'trial')} on the front",
        f"Trial {result.knee}, its knee, reaches {reached}.",
    )


def _stage(record: StudyRecord, among: Sequence[StudyRecord]) -> Stage:
    seconds = sum(trial.result.training_seconds or 0.0 for trial in record.trials)
    fact = f"{plural(len(record.trials), 'trial')}, {len(front(record.trials))} on the front"
    time = f"{duration(seconds)} of training"
    return Stage(study_label(record, among), bool(record.trials), fact, time)


def _settings_section(record: StudyRecord) -> Section:
    study = record.study
    title = f"Settings: {study.name}"
    section = Section(f"settings-{study.hash[:8]}", title, tables=[space_table(study.search_space)])
    section.details = [
        ("Study", settings_table("Settings of the study", study.tuning.model_dump(mode="json"))),
        (
            "Training",
            settings_table("Settings of all trials", study.training.model_dump(mode="json")),
        ),
        ("Versions", settings_table("Packages", study.versions)),
    ]
    return section
