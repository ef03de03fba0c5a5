"""Analyse circuits one after another, and write ``circuits.json`` and the page."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.circuits.definition import CircuitFile
from analysis.circuits.page import HTML_FILE, write_page
from analysis.circuits.record import PARTS
from cuprolith.hashes import short_hash
from cuprolith.json_files import read_json_if_whole, write_atomically, write_json
from cuprolith.progress import progress_bar

JSON_FILE = "circuits.json"
RESULT_FILE = "result.json"
# Raised where analyses change, so that stored results are made again.
_VERSION = 1


def analyse_circuits(files: Sequence[CircuitFile], out: Path, command: str) -> Path:
    """Analyse circuits and return the page, which is written again after each of them.

    Circuits whose result is stored, from the same file content, are not analysed again.

    Parameters
    ----------
    files
        With different names.
    out
        Folder of everything: ``circuits.json``, ``circuits.html``, and a folder of each circuit.
    command
        What was called, for the page.
    """
    records: list[dict[str, Any]] = []
    with progress_bar("circuits", total=len(files) * len(PARTS)) as bar:
        for place, file in enumerate(files):
            record = _stored(file, out / file.name)
            if record is None:
                records.append(_analyse(file, out / file.name, bar.advance))
            else:
                records.append(record)
                bar.resume_at((place + 1) * len(PARTS))
            write_json(out / JSON_FILE, {"circuits": records})
            write_page(records, out, command)
    return out / HTML_FILE


def _analyse(file: CircuitFile, folder: Path, advance: Any) -> dict[str, Any]:
    started = time.monotonic()
    circuit = file.circuit()
    record: dict[str, Any] = {
        "name": file.name,
        "description": file.description,
        "qdi": file.qdi is not None,
        "settings": file.analysis.model_dump(mode="json"),
        "input_hash": _hash(file),
        "pictures": {},
    }
    for part, analyse in PARTS.items():
        advance(0, f"{file.name}: {part}")
        analysed = analyse(file, circuit)
        record[part] = analysed.numbers
        record["pictures"][part] = list(analysed.pictures)
        for name, picture in analysed.pictures.items():
            write_atomically(folder / name, [picture])
        advance(1)
    record["seconds"] = round(time.monotonic() - started, 1)
    write_json(folder / RESULT_FILE, record)
    return record


def _stored(file: CircuitFile, folder: Path) -> dict[str, Any] | None:
    """Return a stored result that was made from the same content, with all its pictures."""
    record = read_json_if_whole(folder / RESULT_FILE)
    if not isinstance(record, dict) or record.get("input_hash") != _hash(file):
        return None
    names = [name for pictures in record["pictures"].values() for name in pictures]
    return record if all((folder / name).is_file() for name in names) else None


def _hash(file: CircuitFile) -> str:
    content = [_VERSION, file.model_dump(mode="json")]
    return short_hash(json.dumps(content, sort_keys=True))
