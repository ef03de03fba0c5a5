"""Learning curve of a training, from the CSV files that Lightning writes."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cuprolith.arrays import FloatArray

# Our name and Lightning's column of each quantity.
_COLUMNS = {
    "train_loss": "train_loss_epoch/weighted_sum",
    "val_loss": "val0_epoch/weighted_sum",
    "val_forces_mae": "val0_epoch/forces_mae",
    "val_per_atom_energy_mae": "val0_epoch/per_atom_energy_mae",
    "val_total_energy_mae": "val0_epoch/total_energy_mae",
    "learning_rate": "learning_rate",
    "seconds": "seconds",
}
_VERSION = re.compile(r"version_(\d+)")


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """One entry per epoch in every array, shape (n_epochs,); NaN where nothing was logged.

    Attributes
    ----------
    epoch
        Epochs, from 0.
    train_loss
        Weighted mean square error of what the loss counts (energies per atom, forces, stresses),
        mean over the epoch.
    val_loss
        What decides which epoch is best: the weighted mean absolute error of the same, with the
        averaged weights.
    val_forces_mae
        Force MAE of the validation split, eV/Å; NaN where frames carry energies only.
    val_per_atom_energy_mae, val_total_energy_mae
        Energy MAE of the validation split, eV/atom, and of whole frames, eV.
    learning_rate
        At the end of the epoch.
    seconds
        Training time up to the end of the epoch, resumed runs added up.
    """

    epoch: NDArray[np.int64]
    train_loss: FloatArray
    val_loss: FloatArray
    val_forces_mae: FloatArray
    val_per_atom_energy_mae: FloatArray
    val_total_energy_mae: FloatArray
    learning_rate: FloatArray
    seconds: FloatArray

    @property
    def best_epoch(self) -> int:
        """Epoch with the lowest validation loss, the first of equal ones.

        Raises
        ------
        ValueError
            If no epoch was validated.
        """
        if not np.isfinite(self.val_loss).any():
            raise ValueError("no epoch was validated")
        return int(self.epoch[np.nanargmin(self.val_loss)])


def read_learning_curve(folder: Path) -> LearningCurve:
    """Read the learning curve of a training, finished or not.

    Each time a training is resumed Lightning starts another CSV file (``version_<n>``). If an
    epoch was trained again, the later file counts, and later epochs of earlier files are
    ignored.

    Parameters
    ----------
    folder
        Where Lightning's logger puts its versions: ``<training>/metrics``.

    Returns
    -------
    The curve; empty if nothing is logged yet.
    """
    epochs: dict[int, dict[str, float]] = {}
    for path in metrics_files(folder):
        resumed = epochs_of_rows(MetricsTail(path).rows())
        if resumed:
            epochs = {epoch: row for epoch, row in epochs.items() if epoch < min(resumed)} | {
                epoch: epochs.get(epoch, {}) | row if epoch == min(resumed) else row
                for epoch, row in resumed.items()
            }
    order = sorted(epochs)
    return LearningCurve(
        epoch=np.array(order, dtype=np.int64),
        **{
            name: np.array([epochs[epoch].get(name, np.nan) for epoch in order])
            for name in _COLUMNS
        },
    )


def metrics_files(folder: Path) -> list[Path]:
    """Return the metrics files of a training, oldest first."""
    versions = [
        (int(match[1]), path)
        for path in folder.glob("version_*/metrics.csv")
        if (match := _VERSION.fullmatch(path.parent.name))
    ]
    return [path for _, path in sorted(versions)]


def epochs_of_rows(rows: Iterable[Mapping[str, str]]) -> dict[int, dict[str, float]]:
    """Gather the rows of each epoch (Lightning logs validation and training apart)."""
    epochs: defaultdict[int, dict[str, float]] = defaultdict(dict)
    for row in rows:
        values = {name: row[key] for name, key in _COLUMNS.items() if row.get(key)}
        epochs[int(row["epoch"])].update({name: float(text) for name, text in values.items()})
    return dict(epochs)


class MetricsTail:
    """Follows a metrics file that is being written, at a cost that does not grow with the file.

    Parameters
    ----------
    path
        The CSV file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._header = b""
        self._offset = 0

    def rows(self) -> list[dict[str, str]]:
        """Return the complete rows that were written since the last call.

        Lightning writes the file again when a new column appears; all its rows are returned
        again then.
        """
        try:
            with self.path.open("rb") as stream:
                header = stream.readline()
                if not header.endswith(b"\n"):
                    return []
                if header != self._header:
                    self._header, self._offset = header, stream.tell()
                stream.seek(self._offset)
                text = stream.read()
        except FileNotFoundError:
            return []
        complete = text[: text.rfind(b"\n") + 1]
        self._offset += len(complete)
        lines = (self._header + complete).decode().splitlines()
        return list(csv.DictReader(lines))
