"""Measurements, done once and stored: one small file for each case and source."""

from __future__ import annotations

import importlib.util
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from analysis.validation.property import Case, Curve, Measurement, Property
from analysis.validation.source import NotAvailableError, Source
from cuprolith.errors import CuprolithError
from cuprolith.hashes import sha256, short_hash
from cuprolith.json_files import write_atomically


class Outcome(BaseModel):
    """What one source gave for one case, as it is stored.

    Attributes
    ----------
    status
        ``missing``: this source cannot answer. ``failed``: it tried, and broke down.
    values, curves, notes
        As in `Measurement`; x and y of each curve.
    reason
        Why there is nothing, "" if there is.
    seconds
        Time that it took.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")

    status: Literal["measured", "missing", "failed"]
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[float], list[float]]] = {}
    notes: list[str] = []
    reason: str = ""
    seconds: float = 0.0

    @property
    def measurement(self) -> Measurement:
        """The measurement; empty if there is none."""
        curves = {name: Curve.of(x, y) for name, (x, y) in self.curves.items()}
        return Measurement(self.values, curves, tuple(self.notes))


@dataclass
class MeasuredCases:
    """The stored measurements of a material.

    A file that is missing, damaged, or of another version of its property is measured again.

    Attributes
    ----------
    folder
        Where the files are.
    material
        Hash of all that the measurements are made on.
    """

    folder: Path
    material: str
    _open: dict[Path, Outcome] = field(default_factory=dict, repr=False)

    def measure(self, asked: Property, case: Case, source: Source) -> Outcome:
        """Return what a source gives for a case: stored, or else measured now and stored.

        Everything that goes wrong in a measurement is an outcome, since a bad potential breaks
        down in many ways. What is missing is not stored: it may exist the next time.
        """
        path = self._path(asked, case, source)
        known = self._open.get(path) or _read(path)
        if known is None:
            known = _measured(case, source)
            if known.status != "missing":
                _write(path, known)
        self._open[path] = known
        return known

    def known(self, asked: Property, case: Case, source: Source) -> bool:
        """Whether a measurement is stored."""
        return _read(self._path(asked, case, source)) is not None

    def _path(self, asked: Property, case: Case, source: Source) -> Path:
        identity = [asked.name, asked.version, case.name, source.identity, self.material]
        return self.folder / asked.name / f"{short_hash(json.dumps(identity))}.json"


def unmet_requirement(asked: Property) -> str:
    """Say which package a property needs and is not installed; "" if none."""
    if asked.requires is None or importlib.util.find_spec(asked.requires[0]) is not None:
        return ""
    package, extra = asked.requires
    return f"needs {package}, which is not installed: pip install 'cuprolith[{extra}]'"


def _measured(case: Case, source: Source) -> Outcome:
    started = time.perf_counter()
    try:
        with source.computing():
            found = case.measure(source)
    except NotAvailableError as error:
        return Outcome(status="missing", reason=error.message)
    except (MemoryError, CuprolithError):
        raise  # nothing that the potential is to blame for
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001  (a bad potential breaks down in any way)
        return Outcome(
            status="failed",
            reason=f"{type(error).__name__}: {error}",
            seconds=round(time.perf_counter() - started, 3),
        )
    return Outcome(
        status="measured",
        values={name: float(value) for name, value in found.values.items()},
        curves={name: (c.x.tolist(), c.y.tolist()) for name, c in found.curves.items()},
        notes=list(found.notes),
        seconds=round(time.perf_counter() - started, 3),
    )


def _write(path: Path, outcome: Outcome) -> None:
    text = outcome.model_dump_json()
    write_atomically(path, [json.dumps({"sha256": sha256(text), "outcome": text}), "\n"])


def _read(path: Path) -> Outcome | None:
    try:
        stored: Any = json.loads(path.read_bytes())
        if sha256(stored["outcome"]) != stored["sha256"]:
            return None
        return Outcome.model_validate_json(stored["outcome"])
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, ValidationError):
        return None
