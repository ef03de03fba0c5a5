"""The paper's best hyper-parameters and errors, to be shown beside a study of the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from training.frame_sources.settings import (
    DatasetSourceSettings,
    QM9SourceSettings,
    RMD17SourceSettings,
    SourceSettings,
)
from training.settings import Variant

SOURCE = "Laskaris 2026"
PaperDataset = Literal["aspirin", "benzene", "qm9", "culi"]


@dataclass(frozen=True)
class PublishedPoint:
    """One row of the paper's Tables I–III with its error of Table IV or V.

    Attributes
    ----------
    parameters
        By dotted name within `training`.
    accuracy
        Validation force MAE, eV/Å; None for QM9, whose energy error the paper prints without
        saying per what.
    """

    dataset: PaperDataset
    variant: Variant
    parameters: Mapping[str, Any]
    accuracy: float | None

    @property
    def epochs(self) -> int:
        """For how long the paper trained, at most (caption of Table V)."""
        return {"aspirin": 3000, "benzene": 3000, "qm9": 300, "culi": 100}[self.dataset]


_NAMES: dict[Variant, tuple[str, ...]] = {
    "allegro": (),
    "allegro-mlp": ("final_mlp.widths.0", "final_mlp.widths.1"),
    "allegro-qdi": ("qdi.final_mlp_width", "qdi.depth", "qdi.input_features"),
}
_COMMON = (
    "model.r_max",
    "learning_rate",
    "batch_size",
    "model.polynomial_cutoff_p",
    "model.num_layers",
    "model.edge_mlp_width",
)
# Columns as in the paper; the last is Table IV's, in meV/Å.
_ROWS: dict[Variant, dict[PaperDataset, tuple[Sequence[float], float | None]]] = {
    "allegro": {
        "aspirin": ((7.3, 5.36e-3, 3, 6.9, 4, 32), 10.2),
        "benzene": ((12.0, 1e-3, 1, 5.0, 3, 128), 0.43),
        "qm9": ((12.0, 1e-3, 5, 10.0, 3, 32), None),
        "culi": ((12.0, 2e-3, 2, 5.0, 2, 128), 45.9),
    },
    "allegro-mlp": {
        "aspirin": ((7.4, 2.93e-3, 2, 6.7, 3, 16, 1024, 1024), 9.0),
        "benzene": ((12.0, 1e-3, 1, 5.0, 3, 128, 32, 4), 0.28),
        "qm9": ((6.2, 1e-3, 2, 5.0, 2, 64, 32, 16), None),
        "culi": ((5.0, 9.35e-4, 1, 10.3, 3, 16, 4, 16), 43.3),
    },
    "allegro-qdi": {
        "aspirin": ((9.5, 1e-3, 1, 6.0, 4, 16, 4, 4, 21), 9.9),
        "benzene": ((12.0, 1e-3, 1, 5.0, 3, 32, 16, 1, 4), 0.30),
        "qm9": ((12.0, 1e-3, 5, 10.0, 3, 32, 128, 3, 4), None),
        "culi": ((5.0, 4.02e-3, 5, 12.0, 3, 4, 128, 3, 4), 37.8),
    },
}


def published_point(dataset: PaperDataset, variant: Variant) -> PublishedPoint:
    """Return the paper's point of a variant on a dataset."""
    values, error = _ROWS[variant][dataset]
    names = (*_COMMON, *_NAMES[variant])
    return PublishedPoint(
        dataset,
        variant,
        dict(zip(names, values, strict=True)),
        None if error is None else error / 1000,
    )


def paper_dataset(data: SourceSettings, symbols: Sequence[str] = ()) -> PaperDataset | None:
    """Say which of the paper's datasets a study is about; None if none.

    Parameters
    ----------
    data
        Section ``data`` of a training file.
    symbols
        Of the dataset: frames of Cu and Li that Cuprolith has collected count as the paper's
        Cu/Li, which is unpublished; who shows them says so.
    """
    match data:
        case RMD17SourceSettings(molecule="aspirin" | "benzene" as molecule):
            return molecule
        case QM9SourceSettings():
            return "qm9"
        case DatasetSourceSettings() if set(symbols) == {"Cu", "Li"}:
            return "culi"
    return None
