"""Write ``report/index.html`` of a workdir: one file that needs no network."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.distributions import Distributions
from analysis.report.accuracy import accuracy_section
from analysis.report.circuit import circuit_sections
from analysis.report.content import Section, duration, plural
from analysis.report.dataset import dataset_fact, dataset_section
from analysis.report.headline import Headline, headline
from analysis.report.inputs import Inputs, read_inputs
from analysis.report.kernel_table import kernel_ahead, kernel_remarks
from analysis.report.labels import followed_quenches, label_fact, labels_section
from analysis.report.measure import Measured, measure
from analysis.report.page import Stage, Verdict, page_html
from analysis.report.provenance import provenance_section
from analysis.report.structures import structures_section
from analysis.report.training import training_fact, training_section
from analysis.report.tuning import tuning_fact, tuning_sections
from analysis.report.validation import physics_fact, physics_section
from cuprolith.json_files import write_atomically


def render_report(workdir: Path, stages: Sequence[str] = ()) -> Path:
    """Write ``report/index.html`` of a workdir from whatever stages have run.

    Parameters
    ----------
    stages
        Names of the campaign's stages, in their order; by default those that the report knows.

    Returns
    -------
    The written file, replaced atomically.

    Raises
    ------
    FileNotFoundError
        If `workdir` is no folder.
    OSError
        If the report cannot be written.
    """
    workdir = Path(workdir)
    inputs = read_inputs(workdir)
    page = report_html(inputs, stages)
    path = workdir / "report" / "index.html"
    write_atomically(path, [page])
    return path


def report_html(inputs: Inputs, stages: Sequence[str] = ()) -> str:
    """Return the page; see `render_report`."""
    measured = measure(inputs, followed_quenches(inputs).keys())
    judged = headline(
        measured.evaluations,
        inputs.validations,
        beaten_by=kernel_ahead(measured.kernel, measured.evaluations),
        remarks=kernel_remarks(measured.kernel, measured.evaluations),
    )
    return page_html(
        title=str(inputs.campaign.get("name") or inputs.root.resolve().name),
        lead=_lead(inputs),
        verdict=_verdict(inputs, judged),
        stages=_stages(inputs, measured.distributions, judged, stages),
        sections=_sections(inputs, measured, judged),
        problems=list(dict.fromkeys(inputs.problems)),
    )


def _sections(inputs: Inputs, measured: Measured, judged: Headline | None) -> list[Section]:
    evaluations, distributions = measured.evaluations, measured.distributions
    return [
        structures_section(inputs, _command("generate", inputs.root)),
        labels_section(inputs, distributions, _command("label", inputs.root)),
        dataset_section(inputs, distributions, _command("collect", inputs.root)),
        training_section(inputs, measured.curves, evaluations, _command("train", inputs.root)),
        accuracy_section(measured, _command("train", inputs.root)),
        *circuit_sections(inputs),
        physics_section(
            inputs, judged.variant if judged else "", _command("validate", inputs.root)
        ),
        *(tuning_sections(inputs.studies, _command("tune", inputs.root)) if _tunes(inputs) else ()),
        provenance_section(inputs),
    ]


def _lead(inputs: Inputs) -> str:
    names = " and ".join(inputs.structures.get("crystals") or inputs.campaign.get("crystals") or ())
    origin = f"From the crystals {names} to" if names else "To"
    engine = inputs.labels.get("engine")
    text = f"{origin} a machine-learned interatomic potential"
    return f"{text}, with labels from {engine}." if engine else f"{text}."


def _verdict(inputs: Inputs, judged: Headline | None) -> Verdict:
    if judged is None:
        command = _command("run", inputs.root)
        return Verdict("open", "No trained model yet", "To run what is missing:", command)
    found, sentences = judged.verdict, judged.sentences
    if judged.variant in inputs.validations:
        return Verdict(found.kind, found.headline, sentences[-1], more=sentences[:-1])
    command = _command("validate", inputs.root)
    return Verdict(found.kind, found.headline, "To judge its physics:", command, more=sentences)


def _stages(
    inputs: Inputs,
    distributions: Distributions,
    judged: Headline | None,
    stages: Sequence[str],
) -> list[Stage]:
    shown = inputs.validations.get(judged.variant) if judged else None
    facts = {
        "generate": plural(len(inputs.entries), "structure") if inputs.entries else "",
        "label": label_fact(inputs) if inputs.labels else "",
        "collect": dataset_fact(inputs, distributions),
        "train": training_fact(inputs),
        "validate": physics_fact(shown),
        "tune": tuning_fact(inputs.studies),
        "report": "this page",
    }
    seconds: dict[str, Any] = inputs.timings.get("stages") or {}
    return [
        Stage(
            name.capitalize(),
            bool(facts.get(name)),
            facts.get(name, ""),
            duration(seconds[name]) if name in seconds else "",
        )
        for name in stages or facts
        if name != "tune" or _tunes(inputs)
    ]


def _tunes(inputs: Inputs) -> bool:
    """Whether the campaign asks for studies, or has some; most do not."""
    return bool(inputs.campaign.get("tuning") or inputs.studies)


def _command(verb: str, root: Path) -> str:
    return f"cuprolith {verb} --workdir {shlex.quote(str(root))}"
