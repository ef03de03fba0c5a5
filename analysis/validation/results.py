"""``validation.json``: every compared number of a potential, and the curves behind them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cuprolith.json_files import write_atomically

VALIDATION_FILE = "validation.json"


class _Model(BaseModel):
    # NaN (an exploded run) must survive JSON, which has no NaN.
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class Value(_Model):
    """One number of the potential beside what it should be.

    Attributes
    ----------
    property_name, case, quantity
        What it is: ``surface_energy``, ``Cu(111)``, and a key where a case has several numbers.
    value, reference, error
        In `unit`; None where the potential or its reference could not be measured.
    tolerance
        Largest error that passes; includes the uncertainty of the reference.
    passed
        None where there is nothing to compare with.
    source
        Of the reference: ``labels``, the name of an engine, ``exact``, or ``missing``.
    note
        What a reader should know; why something is missing.
    uncertainty
        Of the reference, in `unit`; None where none is measured.
    """

    property_name: str
    case: str
    quantity: str
    unit: str
    value: float | None
    reference: float | None
    error: float | None
    tolerance: float | None
    passed: bool | None
    source: str
    note: str = ""
    uncertainty: float | None = None

    @property
    def label(self) -> str:
        """Case and quantity in words."""
        return f"{self.case} {self.quantity}".strip().replace("_", " ")


class CurvePair(_Model):
    """A curve of the potential and that of its reference, if there is one."""

    property_name: str
    case: str
    name: str
    source: str
    x: list[float]
    y: list[float]
    reference_x: list[float] = []
    reference_y: list[float] = []


class Validation(_Model):
    """Everything that one validation found.

    Attributes
    ----------
    potential
        File, relative to the folder of ``validation.json`` where it lies below the workdir.
    potential_sha256
        Of that file.
    against
        What references were asked for: ``labels`` (then the engine where labels say nothing), or
        the name of an engine.
    seconds
        Time of all measurements that this result is made of.
    """

    potential: str
    potential_sha256: str
    against: str
    seconds: float
    values: list[Value]
    curves: list[CurvePair] = []

    def of(self, property_name: str) -> Iterator[Value]:
        """Yield the values of one property."""
        return (value for value in self.values if value.property_name == property_name)

    def write(self, path: Path) -> None:
        """Write as JSON, atomically."""
        write_atomically(path, [self.model_dump_json(indent=1), "\n"])


def read_validation(path: Path) -> Validation:
    """Read what `Validation.write` has written.

    Raises
    ------
    ValueError
        If it is something else.
    FileNotFoundError
        If there is none.
    """
    return Validation.model_validate_json(path.read_bytes())
