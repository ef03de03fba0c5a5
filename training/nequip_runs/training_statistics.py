"""Statistics of the training set that the model's configuration refers to."""

from __future__ import annotations

from typing import Any

import torch
from nequip.data import AtomicDataDict, DataStatisticsManager
from nequip.data.modifier import NumNeighbors, PerAtomModifier
from nequip.data.stats import Mean, RootMeanSquare


class SquaredMean(Mean):
    """Square of the mean."""

    def compute(self) -> torch.Tensor:
        """Return the square of the mean of all data so far."""
        return super().compute().square()

    def __str__(self) -> str:
        """Name of the statistic."""
        return "squared_mean"


def training_statistics(
    has_forces: bool,
    dataloader_kwargs: dict[str, Any] | None = None,
    type_names: list[str] | None = None,
) -> DataStatisticsManager:
    """Return NequIP's manager of what ``${training_data_stats:...}`` may name.

    ``num_neighbors_mean``, ``num_neighbors_squared_mean``, ``per_atom_energy_mean`` (eV) and,
    where frames have forces, ``forces_rms`` (eV/Å).

    Parameters
    ----------
    has_forces
        Whether frames have forces.
    dataloader_kwargs, type_names
        As in NequIP's managers.
    """
    metrics = [
        {"name": "num_neighbors_mean", "field": NumNeighbors(), "metric": Mean()},
        {"name": "num_neighbors_squared_mean", "field": NumNeighbors(), "metric": SquaredMean()},
        {
            "name": "per_atom_energy_mean",
            "field": PerAtomModifier(AtomicDataDict.TOTAL_ENERGY_KEY),
            "metric": Mean(),
        },
    ]
    if has_forces:
        metrics.append(
            {"name": "forces_rms", "field": AtomicDataDict.FORCE_KEY, "metric": RootMeanSquare()}
        )
    return DataStatisticsManager(metrics, dataloader_kwargs, type_names)
