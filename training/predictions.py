"""Labels and predictions of a split side by side, as plain arrays on disk."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cuprolith.arrays import FloatArray
from cuprolith.staged_file import StagedFile


@dataclass(frozen=True, eq=False)
class Predictions:
    """Labels and predictions of n frames with N atoms in all, in the order of the frames.

    Attributes
    ----------
    structure_id, family
        Shape (n,), text.
    n_atoms
        Shape (n,).
    energy_reference, energy_predicted
        Total energies, shape (n,), eV.
    numbers
        Atomic numbers, shape (N,), frame after frame.
    free_mask
        Shape (N,): True where the atom could move in the run the frame came from.
    forces_reference, forces_predicted
        Shape (N, 3), eV/Å.
    stress_reference, stress_predicted
        Shape (n, 3, 3), eV/Å³, positive for tension; NaN where the frame has none.
    """

    structure_id: NDArray[np.str_]
    family: NDArray[np.str_]
    n_atoms: NDArray[np.int64]
    energy_reference: FloatArray
    energy_predicted: FloatArray
    numbers: NDArray[np.int64]
    free_mask: NDArray[np.bool_]
    forces_reference: FloatArray
    forces_predicted: FloatArray
    stress_reference: FloatArray
    stress_predicted: FloatArray

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.n_atoms)

    def write(self, path: Path) -> None:
        """Write as compressed npz without pickles, atomically; the folder is made."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{name: getattr(self, name) for name in _NAMES})
        path.parent.mkdir(parents=True, exist_ok=True)
        with StagedFile(path) as file:
            file.write(buffer.getvalue())
            file.commit()


_NAMES = tuple(field.name for field in fields(Predictions))


def read_predictions(path: Path) -> Predictions:
    """Read what `Predictions.write` wrote.

    Raises
    ------
    ValueError
        If the file does not hold predictions.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Predictions(**{name: arrays[name] for name in _NAMES})
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} does not contain predictions ({error}): predict again") from error
