"""Labelled ionic steps of one run on disk, so that a killed run repeats none of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cuprolith.arrays import FloatArray


class StepLog:
    """A JSON-lines file of positions and their labels, in the order they were asked for.

    A relaxation or an MD segment that is run again from its start asks for the same positions,
    bit for bit, as long as it is answered with the same labels: both integrators are
    deterministic and JSON keeps float64. So a killed run is continued by repeating it, with the
    log answering for the steps it holds; no state of optimiser or thermostat needs to be kept.

    Parameters
    ----------
    path
        The file; made with its first line if missing.
    header
        Identity of the run. A file with another header, or none, is started again.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self._path = path
        self._header = json.dumps(header, sort_keys=True)
        self._steps = _read_steps(path, self._header)
        self._asked = 0
        self._rewrite()  # without a line cut short

    def given(self) -> list[dict[str, Any]]:
        """Return the labels of the steps asked for so far, recalled or new."""
        return [step["labels"] for step in self._steps[: self._asked]]

    def recall(self, positions: FloatArray, cell: FloatArray) -> dict[str, Any] | None:
        """Return the labels of the next step, or None if it is new.

        A step at other positions than before (after a change of code or library, say) makes the
        rest of the log worthless: it is dropped.
        """
        if self._asked >= len(self._steps):
            return None
        step = self._steps[self._asked]
        if step["positions"] != positions.tolist() or step["cell"] != cell.tolist():
            del self._steps[self._asked :]
            self._rewrite()
            return None
        self._asked += 1
        labels: dict[str, Any] = step["labels"]
        return labels

    def append(self, positions: FloatArray, cell: FloatArray, labels: dict[str, Any]) -> None:
        """Add a step and flush it to disk."""
        step = {"positions": positions.tolist(), "cell": cell.tolist(), "labels": labels}
        self._steps.append(step)
        self._asked += 1
        with self._path.open("a") as file:
            file.write(json.dumps(step) + "\n")

    def _rewrite(self) -> None:
        lines = [self._header, *map(json.dumps, self._steps)]
        self._path.write_text("".join(f"{line}\n" for line in lines))


def _read_steps(path: Path, first_line: str) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    header, *lines = path.read_text().split("\n")
    if header != first_line:
        return []
    steps = []
    for line in lines[:-1]:  # what follows the last newline is empty, or a line cut short
        try:
            steps.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return steps
