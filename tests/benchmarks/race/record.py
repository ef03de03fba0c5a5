"""One JSON file per training: what ran, how long it took, and how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from cuprolith.json_files import write_atomically


class RaceRecord(BaseModel):
    """Result of one training.

    Attributes
    ----------
    budget
        Processor seconds that were asked for; 0 if the time cannot be chosen.
    seconds
        Processor seconds of the training, start and all included.
    length
        Epochs or frames, see `Peer.counts`.
    dataset
        sha256 of the training frames.
    groups
        Errors by group, see `errors.errors`.
    physics
        See `physics.properties`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")

    peer: str
    budget: float
    seed: int
    seconds: float
    length: int
    counts: str
    dataset: str
    groups: dict[str, dict[str, float]]
    milliseconds_per_atom: float
    physics: dict[str, float]

    @property
    def name(self) -> str:
        """Name of its file, without ending."""
        return record_name(self.peer, self.budget, self.seed)

    def write(self, folder: Path) -> None:
        """Write into a folder of records, atomically."""
        write_atomically(folder / f"{self.name}.json", [self.model_dump_json(indent=1), "\n"])


def record_name(peer: str, budget: float, seed: int) -> str:
    """Return the name of a record."""
    return f"{peer}-{budget:g}s-seed-{seed}"


def read_records(folder: Path) -> list[RaceRecord]:
    """Read all records of a folder that are whole."""
    found = []
    for path in sorted(folder.glob("*-seed-*.json")):
        try:
            found.append(RaceRecord.model_validate_json(path.read_bytes()))
        except ValidationError:
            path.unlink()  # it is made again
    return found


def as_record(task: dict[str, Any], judged: dict[str, Any]) -> RaceRecord:
    """Join what is known of a training and what `judge` wrote."""
    return RaceRecord.model_validate({**task, **judged})
