"""One HTML page of sections, tables and figures that needs no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from analysis.report.content import Section
from analysis.report.figures import family_colour
from generators.family import kinds

_FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
    '<circle cx="6" cy="9" r="5" fill="#c88033"/><circle cx="11.5" cy="5" r="3.5" fill="#b878e6"/>'
    "</svg>"
)


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline in the summary."""

    name: str
    done: bool
    fact: str
    time: str


@dataclass(frozen=True)
class Verdict:
    """The result, at the top of the page; `kind` is ``good``, ``bad`` or ``open``.

    A sentence with a command leads to it; sentences in `more` stand before, one a paragraph.
    """

    kind: str
    headline: str
    sentence: str
    command: str = ""
    more: tuple[str, ...] = ()


def page_html(
    *,
    title: str,
    lead: str,
    verdict: Verdict,
    stages: Sequence[Stage],
    sections: Sequence[Section],
    problems: Sequence[str] = (),
) -> str:
    """Return the page, complete with styles, scripts and plotly."""
    source = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(source), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["colour"] = family_colour
    environment.tests["family"] = lambda name: name in kinds()
    return environment.get_template("report.html").render(
        title=title,
        lead=lead,
        verdict=verdict,
        stages=stages,
        sections=sections,
        problems=problems,
        version=metadata.version("cuprolith"),
        favicon="data:image/svg+xml;base64," + base64.b64encode(_FAVICON.encode()).decode(),
        style=Markup((source / "report.css").read_text(encoding="utf-8")),
        script=Markup((source / "report.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()),
    )
