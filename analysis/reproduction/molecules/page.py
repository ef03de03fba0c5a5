"""``index.html`` and ``molecules.json``: Tables I to IV and the figures of Le 2023, beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.report.content import Figure, Section, duration, plural
from analysis.report.page import Stage, Verdict, page_html
from analysis.reproduction.molecules.figures import (
    TestSet,
    cut_figures,
    noise_figure,
    parity_figure,
)
from analysis.reproduction.molecules.published import PublishedMolecules
from analysis.reproduction.molecules.results import MoleculeResults, SystemFacts
from analysis.reproduction.molecules.tables import data_table, noise_table, system_table
from cuprolith.json_files import write_atomically

HTML_FILE = "index.html"
JSON_FILE = "molecules.json"
TITLE = "Force fields of molecules by circuits"


@dataclass(frozen=True)
class MoleculePage:
    """Content of the page.

    Attributes
    ----------
    test_sets
        By system.
    n_runs
        Trainings that were asked for.
    command
        What was called.
    failures
        Why trainings are missing.
    """

    results: MoleculeResults
    published: PublishedMolecules
    test_sets: Mapping[str, TestSet]
    n_runs: int
    command: str
    failures: Sequence[str] = ()


def write_page(content: MoleculePage, folder: Path) -> Path:
    """Write the page and the numbers; return the page.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    content.results.write(folder / JSON_FILE)
    write_atomically(folder / HTML_FILE, [_html(content)])
    return folder / HTML_FILE


def _html(content: MoleculePage) -> str:
    facts = content.results.systems
    return page_html(
        title=TITLE,
        lead=f"Symmetry-invariant quantum force fields: {content.published.source}, and our runs.",
        verdict=verdict(content),
        stages=[_stage(content, each) for each in facts],
        sections=[
            Section("data", "Data", tables=[data_table(facts)]),
            *(_system_section(content, each) for each in facts),
            Section("command", "Command", details=[("This page", content.command)]),
        ],
        problems=content.failures,
    )


def verdict(content: MoleculePage) -> Verdict:
    """Return how far the runs are, and in how many systems a circuit beats its company."""
    done = sum(row.seeds for row in content.results.rows if row.optimizer != LEAST_SQUARES)
    if done < content.n_runs:
        sentence = f"{done} of {plural(content.n_runs, 'training')}. To resume:"
        return Verdict("open", "Some trainings are missing", sentence, content.command)
    return Verdict("good", "All trainings finished", _comparison(content.results))


LEAST_SQUARES = "least squares"
"""Optimizer of a symmetric polynomial."""


def _comparison(results: MoleculeResults) -> str:
    sentences = []
    for facts in results.systems:
        rows = [row for row in results.of(facts.name) if row.labels == "E"]
        circuits = [row for row in rows if "VQLM" in row.model]
        polynomials = [row for row in rows if row.optimizer == LEAST_SQUARES]
        if circuits and polynomials:
            best = min(circuits, key=lambda row: row.mse_energy_test)
            company = min(polynomials, key=lambda row: row.mse_energy_test)
            ratio = best.mse_energy_test / company.mse_energy_test
            verb = f"{ratio:.2g} times" if ratio >= 1 else f"1/{1 / ratio:.2g} of"
            sentences.append(
                f"{facts.label}: from energies alone, the best circuit ({best.model}) has {verb} "
                f"the squared energy error of a symmetric polynomial."
            )
    return " ".join(sentences)


def _stage(content: MoleculePage, facts: SystemFacts) -> Stage:
    rows = [row for row in content.results.rows if row.system == facts.name]
    seconds = sum(score.seconds for row in rows for score in row.scores)
    return Stage(facts.label, bool(rows), plural(len(rows), "row"), duration(seconds))


def _system_section(content: MoleculePage, facts: SystemFacts) -> Section:
    section = Section(facts.name, facts.label)
    section.tables = [system_table(content.results, facts, content.published)]
    data = content.test_sets.get(facts.name)
    if data is not None and data.predicted:
        caption = "Test frames: energies by the best seed of each model, over the labels."
        section.figures.append(Figure(f"{facts.name}-parity", caption, parity_figure(data)))
        for name, figure in cut_figures(data):
            caption = f"Test frames: {name} along the cut."
            section.figures.append(Figure(f"{facts.name}-{name}", caption, figure))
    noisy = [row for row in content.results.rows if row.system == facts.name and row.noise]
    if noisy:
        section.tables.append(noise_table(content.results, facts.name))
        for quantity in ("energy", "forces"):
            caption = f"Squared error of the {quantity} over the noise of the labels."
            figure = noise_figure(noisy, quantity)
            section.figures.append(Figure(f"{facts.name}-noise-{quantity}", caption, figure))
    return section
