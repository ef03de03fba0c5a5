"""Lines, files and functions of each room, and where names of entries are listed.

``python docs/measure_house.py COMMIT [COMMIT ...]`` prints the table of
docs/explanations/house.md, one column per commit. Tests are left out.
"""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections import Counter
from functools import cached_property

ROOMS = ("cuprolith", "generators", "training", "analysis", "workflows")
# Names of entries that existed before the registries. A file that lists them must be changed for a
# new entry.
KINDS = {
    "engine": ("diep-r2scan", "chgnet-r2scan", "gpaw", "vasp"),
    "family": ("vacancy", "adatom", "interface", "amorphous", "isolated_atom", "dimer"),
    "variant": ("allegro-mlp", "allegro-qdi"),
    "source": ("rmd17", "qm9"),
    "stage": ("generate", "label", "collect", "train"),
}
# nouns that were used for a job
JOB_NOUNS = (
    "inner job",
    "queued job",
    "kept job",
    "stage job",
    "label job",
    "run record",
    "stored job",
    "outer job",
    "job record",
    "work item",
)


class Tree:
    """The product's Python files of a commit."""

    def __init__(self, commit: str) -> None:
        self.commit = commit

    @cached_property
    def files(self) -> dict[str, str]:
        """Text by path."""
        listed = _git("ls-tree", "-r", "--name-only", self.commit).split("\n")
        paths = [path for path in listed if path.endswith(".py") and path.split("/")[0] in ROOMS]
        return {path: _git("show", f"{self.commit}:{path}") for path in paths}

    def room(self, name: str) -> tuple[int, int]:
        """Return the files and lines of a room."""
        texts = [text for path, text in self.files.items() if path.split("/")[0] == name]
        return len(texts), sum(text.count("\n") for text in texts)

    @cached_property
    def functions(self) -> list[tuple[int, str]]:
        """Lines and place of each function, the longest first."""
        found = [
            (node.end_lineno - node.lineno + 1, f"{path}: {node.name}")
            for path, text in self.files.items()
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None
        ]
        return sorted(found, reverse=True)

    def listing_files(self, names: tuple[str, ...]) -> list[str]:
        """Return the files that hold at least two of some names as whole strings."""
        found = []
        for path, text in self.files.items():
            strings = Counter(
                node.value
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            )
            if sum(name in strings for name in names) > 1:
                found.append(path)
        return found

    def nouns(self) -> list[str]:
        """Return the nouns for a job that docstrings and messages use."""
        text = re.sub(r"\s+", " ", " ".join(self.files.values()))
        return [noun for noun in JOB_NOUNS if re.search(rf"\b{noun}s?\b", text)]


def rows(tree: Tree) -> dict[str, str]:
    """Return the rows of the table for one commit."""
    table = {}
    total = sum(tree.room(room)[1] for room in ROOMS)
    for room in ROOMS:
        files, lines = tree.room(room)
        table[f"`{room}`: files, lines"] = f"{files}, {lines:,} ({lines / total:.0%})"
    table["all lines"] = f"{total:,}"
    lengths = [length for length, _ in tree.functions]
    table["function, median and longest"] = f"{statistics.median(lengths):.0f}, {lengths[0]}"
    table["five longest"] = "<br>".join(f"{n} {place}" for n, place in tree.functions[:5])
    for kind, names in KINDS.items():
        table[f"files that list names of each {kind}"] = str(len(tree.listing_files(names)))
    table["nouns for a job"] = ", ".join(tree.nouns()) or "job"
    return table


def main(commits: list[str]) -> None:
    """Print the table."""
    columns = {commit: rows(Tree(commit)) for commit in commits}
    print(f"| | {' | '.join(commits)} |\n|---|{'---|' * len(commits)}")
    for name in next(iter(columns.values())):
        print(f"| {name} | {' | '.join(column[name] for column in columns.values())} |")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main(sys.argv[1:])
