"""Read JSON files, and write files atomically."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cuprolith.errors import CuprolithError
from cuprolith.staged_file import StagedFile


def write_atomically(path: Path, parts: Iterable[str | bytes]) -> None:
    """Write a file, text as UTF-8; a kill or a full disk leaves the old one unchanged."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with StagedFile(path) as staged:
        for part in parts:
            staged.write(part.encode("utf-8") if isinstance(part, str) else part)
        staged.commit()


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically."""
    write_atomically(path, [json.dumps(content, indent=1, ensure_ascii=False), "\n"])


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    CuprolithError
        If it is not JSON (for instance truncated by a full disk).
    """
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:  # no JSON, no UTF-8
        raise CuprolithError(
            f"not valid JSON: {error}", where=str(path), remedy="delete it and run the verb again"
        ) from error


def read_json_if_whole(path: Path) -> Any:
    """Read a JSON file that can be made again; None if it is missing or damaged."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
