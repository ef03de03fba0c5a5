"""The package of docs/how_to/extend, written to a folder as pip would install it."""

import re
import tomllib
from pathlib import Path

PAGES = Path(__file__).parents[2] / "docs" / "how_to" / "extend"
PACKAGE = "cuprolith_example"


def blocks(page: str, language: str) -> list[tuple[str, str]]:
    """Return the text before each block of code of a page, and the code."""
    pieces = re.split(rf"```{language}\n(.*?)```\n", (PAGES / page).read_text(), flags=re.DOTALL)
    return list(zip(pieces[::2], pieces[1::2], strict=False))


def install(folder: Path) -> None:
    """Write the package and its entry points, for a path of Python's."""
    package = folder / PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for page in ("engine.md", "family.md", "variant.md", "source.md", "property.md"):
        for before, code in blocks(page, "python"):
            name = re.findall(r"`(\w+\.py)`", before)[-1]
            (package / name).write_text(code)
    ((_, text),) = blocks("index.md", "toml")
    project = tomllib.loads(text)["project"]
    info = folder / f"{PACKAGE}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"]
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in groups.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))


def campaign() -> str:
    """Return the campaign of the index page."""
    ((_, text),) = blocks("index.md", "yaml")
    return text


def training_file() -> str:
    """Return the training file of the page about sources."""
    ((_, text),) = blocks("source.md", "yaml")
    return text
