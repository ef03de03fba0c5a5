"""The paper's best hyper-parameters and errors, for comparison with a study of the same data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.variant import VARIANTS

SOURCE = "Laskaris 2026"
# Most epochs of the paper's trainings (caption of Table V).
_EPOCHS = {"aspirin": 3000, "benzene": 3000, "qm9": 300, "culi": 100}


@dataclass(frozen=True)
class PublishedPoint:
    """One row of the paper's Tables I–III with its error of Table IV.

    Attributes
    ----------
    parameters
        By dotted name within `training`.
    accuracy
        Validation force MAE, eV/Å; None for QM9, whose energy error the paper prints without
        saying per what.
    epochs
        Most epochs of the paper's training.
    """

    dataset: str
    variant: str
    parameters: Mapping[str, Any]
    accuracy: float | None
    epochs: int


def published_point(dataset: str, variant: str) -> PublishedPoint | None:
    """Return the paper's point of a variant on a dataset; None if it has none."""
    row = VARIANTS[variant].published.get(dataset)
    if row is None:
        return None
    accuracy = None if row.force_mae is None else row.force_mae / 1000
    return PublishedPoint(dataset, variant, row.parameters, accuracy, _EPOCHS[dataset])
