"""``tables.html``, ``tables.md`` and PNGs of the learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.report.content import Figure, Section, Table, duration, plural
from analysis.report.page import Stage, Verdict, page_html
from analysis.reproduction.curves import Band, bands, learning_curves, learning_curves_png
from analysis.reproduction.published import Published
from analysis.reproduction.runs import Run
from analysis.reproduction.tables import (
    DATASET_NAMES,
    SHORT,
    Quantity,
    comparison_table,
    quantities,
    runs_table,
)
from cuprolith.json_files import write_atomically

TITLE = "Tables IV and V"
HTML_FILE = "tables.html"
MARKDOWN_FILE = "tables.md"


@dataclass(frozen=True)
class Reproduction:
    """Content of the page.

    Attributes
    ----------
    published
        The paper's numbers.
    runs
        All cells of the matrix, trained or not.
    command
        What was called.
    run_commands
        What trains each run alone.
    """

    published: Published
    runs: Sequence[Run]
    command: str
    run_commands: Sequence[str]

    @property
    def datasets(self) -> list[str]:
        """Datasets in the matrix, in the order of the tables."""
        present = {run.plan.dataset for run in self.runs}
        return [dataset for dataset in DATASET_NAMES if dataset in present]

    @property
    def problems(self) -> list[str]:
        """Why runs are impossible, each reason once."""
        return list(dict.fromkeys(run.plan.problem for run in self.runs if run.plan.problem))


def write_tables(content: Reproduction, folder: Path) -> Path:
    """Write the page, the tables as Markdown and the figures as PNG; return the page.

    Every file is replaced atomically.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    pictures = _pictures(content)
    for name, picture in pictures.items():
        write_atomically(folder / name, [picture])
    write_atomically(folder / MARKDOWN_FILE, [_markdown(content, list(pictures))])
    write_atomically(folder / HTML_FILE, [_html(content)])
    return folder / HTML_FILE


def _html(content: Reproduction) -> str:
    return page_html(
        title=TITLE,
        lead=f"Allegro and its variants: {content.published.source}, and our runs.",
        verdict=verdict(content),
        stages=[_stage(content, dataset) for dataset in content.datasets],
        sections=[
            Section("tables", TITLE, notes=notes(content), tables=_comparisons(content)),
            _curves_section(content),
            Section("runs", "Runs", tables=[runs_table(content.runs, content.published)]),
            Section(
                "commands",
                "Commands",
                details=[
                    ("This page", content.command),
                    ("Each run alone", "\n".join(content.run_commands)),
                ],
            ),
        ],
    )


def verdict(content: Reproduction) -> Verdict:
    """Return whether the runs are as long as the paper's, which the page says first."""
    trained = [run for run in content.runs if run.epochs]
    short = [run for run in trained if run.short]
    if not trained:
        return Verdict("open", "Nothing has been trained yet", "To train:", content.command)
    if short:
        longest = max(run.epochs / run.plan.published_epochs for run in short)
        return Verdict(
            "bad",
            "Short runs: not the paper's experiment",
            f"{len(short)} of {plural(len(trained), 'run')} trained for fewer epochs than the "
            f"paper's (at most {100 * longest:.2g} % of them). Their numbers, marked {SHORT}, show "
            "how training begins, not how it ends; without --max-epochs and --max-time-per-run, "
            "runs are as long as the paper's. Made by:",
            content.command,
        )
    if len(trained) < len(content.runs):
        sentence = f"{len(trained)} of {plural(len(content.runs), 'run')}. To resume:"
        return Verdict("open", "Some runs are missing", sentence, content.command)
    return Verdict(
        "good", "All runs trained for as long as the paper's", plural(len(trained), "run")
    )


def notes(content: Reproduction) -> list[str]:
    """Return what a reader must know to read the tables."""
    culi = "culi" in content.datasets
    return [
        "Ours: mean ± sample standard deviation over seeds (number of seeds), in the epoch with "
        "the lowest validation loss; on test: the same checkpoint on frames that nothing was "
        "chosen by (rMD17: the 1000 of the official test split).",
        f"{SHORT} fewer epochs than the paper's; — no number.",
        "Energies are errors of whole structures. The paper gives meV and does not say per what; "
        "its 809 meV for Cu/Li can only be whole structures.",
        "What the paper does not print (sizes of inner layers, weights of the loss, schedule) is "
        "chosen in inputs/paper/common.yaml, so equal numbers are not to be expected.",
        *(["Cu/Li: the paper's dataset is unpublished; ours is another one."] * culi),
        *content.problems,
    ]


def _stage(content: Reproduction, dataset: str) -> Stage:
    runs = [run for run in content.runs if run.plan.dataset == dataset]
    finished = sum(run.result is not None for run in runs)
    seconds = sum(run.seconds for run in runs)
    fact = f"{finished} of {plural(len(runs), 'run')} finished"
    begun = any(run.epochs for run in runs)
    return Stage(DATASET_NAMES[dataset], begun, fact, duration(seconds))


def _comparisons(content: Reproduction) -> list[Table]:
    reference = content.published.reference
    return [
        comparison_table(quantity, content.runs, reference)
        for quantity in quantities(content.published)
    ]


def _curves_section(content: Reproduction) -> Section:
    section = Section("curves", "Learning curves")
    section.lead = (
        "Validation errors by epoch: mean over seeds and the range between them. Dotted: the "
        "paper's number."
    )
    for dataset in content.datasets:
        for quantity, found in _bands(content, dataset):
            figure = learning_curves(found, quantity, dataset)
            caption = f"{DATASET_NAMES[dataset]}: {quantity.name} MAE on the validation split."
            section.figures.append(Figure(f"{dataset}-{quantity.name}", caption, figure))
    return section


def _pictures(content: Reproduction) -> dict[str, bytes]:
    found = {dataset: _bands(content, dataset) for dataset in content.datasets}
    return {f"{name}.png": learning_curves_png(each, name) for name, each in found.items() if each}


def _bands(content: Reproduction, dataset: str) -> list[tuple[Quantity, dict[str, Band]]]:
    return [
        (quantity, variants)
        for quantity in quantities(content.published)
        if dataset in quantity.published and (variants := bands(quantity, dataset, content.runs))
    ]


def _markdown(content: Reproduction, pictures: Sequence[str]) -> str:
    result = verdict(content)
    parts = [f"# {TITLE}", f"**{result.headline}.** {result.sentence}"]
    if result.command:
        parts.append(f"    {result.command}")
    tables = [*_comparisons(content), runs_table(content.runs, content.published)]
    parts += [_markdown_table(table) for table in tables]
    parts.append("\n".join(f"- {note}" for note in notes(content)))
    parts += [f"![{Path(name).stem}]({name})" for name in pictures]
    parts.append("\n".join(f"    {command}" for command in content.run_commands))
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    rule = ["--:" if column in table.numeric else "---" for column in range(len(table.header))]
    rows = [table.header, rule, *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return f"**{table.caption}**\n\n" + "\n".join(lines)
