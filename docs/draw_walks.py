"""Draw the walks of docs/explanations/house.md: ``python docs/draw_walks.py``.

Each is a picture ``docs/figures/walk_<name>.svg`` of the files in ``docs/explanations/walks.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).parent
WALKS = DOCS / "explanations" / "walks.yaml"
COLOURS = {
    "generators": "#0072b2",
    "workflows": "#d55e00",
    "training": "#009e73",
    "analysis": "#cc79a7",
}
_WIDTH, _BOX, _HEIGHT, _GAP, _LEFT = 1120, 176, 44, 10, 10


def read_walks() -> dict[str, Any]:
    """Return the walks by name: title and rows, each with place, steps and what is on disk."""
    walks: dict[str, Any] = yaml.safe_load(WALKS.read_text(encoding="utf-8"))
    return walks


def n_files(walk: dict[str, Any]) -> int:
    """Return how many files a walk passes through."""
    return len({path for row in walk["rows"] for path, _ in row["steps"]})


def drawing(walk: dict[str, Any]) -> str:
    """Return the SVG picture of a walk."""
    parts: list[str] = []
    y = 34
    for row in walk["rows"]:
        parts.append(_text(_LEFT, y, row["place"], 14, "bold"))
        y += 12
        y = _boxes(row["steps"], y, parts)
        parts.append(_text(_LEFT, y + 8, f"on disk: {row['disk']}", 13, "normal", "#555555"))
        y += 42
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" '
        'font-family="sans-serif" role="img">'
        f"<title>{escape(walk['title'])}</title>"
        f'<rect width="{_WIDTH}" height="{y}" fill="#ffffff"/>'
    )
    return "\n".join([head, *parts, "</svg>", ""])


def _boxes(steps: list[tuple[str, str]], y: int, parts: list[str]) -> int:
    """Add the boxes of a row, in as many lines as they need; return where they end."""
    x = _LEFT
    for index, (path, function) in enumerate(steps):
        if x + _BOX > _WIDTH:
            x, y = _LEFT, y + _HEIGHT + _GAP
        parts += _box(x, y, path, function)
        if index + 1 < len(steps):
            parts.append(_text(x + _BOX + 1, y + _HEIGHT // 2 + 5, "›", 15, "bold", "#555555"))
        x += _BOX + _GAP
    return y + _HEIGHT + 12


def _box(x: int, y: int, path: str, function: str) -> Iterator[str]:
    colour = COLOURS[path.split("/", maxsplit=1)[0]]
    folder, _, name = path.removesuffix(".py").rpartition("/")
    yield f"<g><title>{escape(path)}: {escape(function)}</title>"
    yield (
        f'<rect x="{x}" y="{y}" width="{_BOX}" height="{_HEIGHT}" rx="4" fill="#ffffff" '
        f'stroke="{colour}" stroke-width="1.5"/>'
    )
    yield _text(x + 6, y + 17, name, 12, "bold", colour)
    yield _text(x + 6, y + 33, f"{folder.replace('/', '.')}", 10, "normal", "#555555")
    yield "</g>"


def _text(x: int, y: int, text: str, size: int, weight: str, colour: str = "#222222") -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}">'
        f"{escape(text)}</text>"
    )


def main() -> None:
    """Draw all walks."""
    for name, walk in read_walks().items():
        path = DOCS / "figures" / f"walk_{name}.svg"
        path.write_text(drawing(walk), encoding="utf-8")
        print(f"{path}: {n_files(walk)} files")


if __name__ == "__main__":
    main()
