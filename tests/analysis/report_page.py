"""A report as its reader's browser sees it."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

VOID = {"meta", "link", "br", "img", "use", "path", "rect", "circle", "stop"}


class Page(HTMLParser):
    """Elements, texts and figures of a page; complains about tags that do not match."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.figures: dict[str, dict] = {}
        self.text = ""
        self.scripts = ""
        self.headline = ""
        self._in_verdict = False
        self._figure: str | None = None
        self._caption = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in VOID:
            return
        self.open.append(tag)
        if "verdict" in (dict(attrs).get("class") or ""):
            self._in_verdict = True
        if tag == "caption":
            self._caption = ""
        elif tag == "tr":
            self.tables.setdefault(self._caption, []).append([])
        elif tag in ("td", "th"):
            self.tables[self._caption][-1].append("")
        elif tag == "script":
            self._figure = dict(attrs).get("data-figure")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        within = self.open[-1] if self.open else ""
        if self._in_verdict and within == "h2":
            self.headline = data
            self._in_verdict = False
        if within == "script" and self._figure:
            self.figures[self._figure] = json.loads(data)
        elif within == "script":
            self.scripts += data
        elif within == "caption":
            self._caption += data
        elif within != "style":
            self.text += data
            if self.open and set(self.open) & {"td", "th"}:
                self.tables[self._caption][-1][-1] += data

    def ids(self):
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def table(self, start):
        """Rows of the table whose caption starts so, by first cell."""
        (rows,) = (rows for caption, rows in self.tables.items() if caption.startswith(start))
        return {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}


def whole(text):
    return int(text.replace("\u202f", ""))


def values(data):
    """Plotly writes arrays as lists or as base64."""
    if isinstance(data, dict):
        return np.frombuffer(base64.b64decode(data["bdata"]), dtype=data["dtype"]).tolist()
    return data
