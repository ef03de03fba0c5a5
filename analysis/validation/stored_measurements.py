"""Measurements on disk: one small file each, whole or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from analysis.validation.material import Material
from analysis.validation.property import Curve, Measurement
from cuprolith.hashes import sha256, short_hash
from cuprolith.json_files import write_atomically


@dataclass(frozen=True)
class MeasurementKey:
    """What a measurement is known by.

    Attributes
    ----------
    version
        Of the property.
    source, identity
        Name and identity of the source that was measured.
    material
        `material_hash`.
    """

    property_name: str
    version: int
    case: str
    source: str
    identity: str
    material: str


class _Model(BaseModel):
    # JSON has no NaN, and a measurement may well have one.
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class _StoredCurve(_Model):
    x: list[float]
    y: list[float]


class _StoredMeasurement(_Model):
    key: MeasurementKey
    seconds: float
    values: dict[str, float]
    curves: dict[str, _StoredCurve]
    notes: tuple[str, ...]
    uncertainties: dict[str, float]
    sha256: str = ""

    def digest(self) -> str:
        """Return the SHA-256 of all else, by which a damaged file is found."""
        return sha256(self.model_dump_json(exclude={"sha256"}))


@dataclass(frozen=True)
class MeasurementFolder:
    """Folder of measurements; a file that is damaged counts as missing."""

    root: Path

    def read(self, key: MeasurementKey) -> tuple[Measurement, float] | None:
        """Return a measurement and the seconds it took; None if it is not there."""
        try:
            stored = _StoredMeasurement.model_validate_json(self.path(key).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        if stored.key != key or stored.sha256 != stored.digest():
            return None
        curves = {name: Curve.of(curve.x, curve.y) for name, curve in stored.curves.items()}
        found = Measurement(stored.values, curves, stored.notes, stored.uncertainties)
        return found, stored.seconds

    def write(self, key: MeasurementKey, measurement: Measurement, seconds: float) -> None:
        """Store a measurement, numbers bit by bit.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        stored = _StoredMeasurement(
            key=key,
            seconds=seconds,
            values={name: float(value) for name, value in measurement.values.items()},
            curves={
                name: _StoredCurve(x=curve.x.tolist(), y=curve.y.tolist())
                for name, curve in measurement.curves.items()
            },
            notes=tuple(measurement.notes),
            uncertainties={name: float(value) for name, value in measurement.uncertainties.items()},
        )
        whole = stored.model_copy(update={"sha256": stored.digest()})
        write_atomically(self.path(key), [whole.model_dump_json(indent=1), "\n"])

    def path(self, key: MeasurementKey) -> Path:
        """Return the path of a measurement, written or not."""
        name = short_hash(json.dumps(asdict(key), sort_keys=True))
        return self.root / f"{name}.json"


def material_hash(material: Material) -> str:
    """Return a hash of all that a material consists of.

    Structures count by their ids, which are hashes of their content.
    """
    content = {
        "crystals": {
            name: [atoms.numbers.tolist(), atoms.cell.array.tolist(), atoms.positions.tolist()]
            for name, atoms in material.crystals.items()
        },
        "structures": [structure.structure_id for structure in material.structures],
        "held_out": {
            name: [atoms.positions.tolist() for atoms in frames]
            for name, frames in material.held_out.items()
        },
        "elements": list(material.elements),
        "settings": [
            material.r_max,
            material.fmax,
            material.max_steps,
            material.highest_temperature,
            material.seed,
        ],
    }
    return short_hash(json.dumps(content, sort_keys=True))
