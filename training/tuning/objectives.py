"""Objectives and limits of studies: names, units, and the values that a trial has."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from training.tuning.settings import LimitSettings, TuningSettings
from training.tuning.trial import TrialResult

_MICRO = 1e-6
_MEGA = 1e6
_GIB = 2**30
_HOUR = 3600.0


class Objective(BaseModel):
    """Name and unit of a quantity that is minimised."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    unit: str

    def __str__(self) -> str:
        """Name and unit."""
        return f"{self.name} ({self.unit})"


def objectives(tuning: TuningSettings, *, has_forces: bool) -> tuple[Objective, Objective]:
    """Return accuracy and cost of inference, in the order of a trial's objective values.

    Parameters
    ----------
    tuning
        Settings of the study.
    has_forces
        Whether its frames carry forces.
    """
    accuracy = (
        Objective(name="validation force MAE", unit="eV/Å")
        if has_forces
        else Objective(name="validation energy MAE", unit="eV/atom")
    )
    if tuning.inference.objective == "flops":
        return accuracy, Objective(name="cost of inference", unit="Mflop/atom")
    return accuracy, Objective(name="inference time", unit="µs/atom")


def objective_values(result: TrialResult, tuning: TuningSettings) -> tuple[float, float] | None:
    """Return the objectives of a trial.

    Returns
    -------
    Accuracy (eV/Å, or eV/atom where frames carry no forces) and the cost of inference: µs/atom, or
    Mflop/atom where ``inference.objective`` is ``flops``. None if the trial failed.
    """
    cost = _inference_cost(result, tuning)
    if result.failure is not None or result.accuracy is None or cost is None:
        return None
    return result.accuracy, cost


def constraint_values(result: TrialResult, limits: LimitSettings) -> tuple[float, ...]:
    """Return by how much a trial exceeds each limit, as a share of the limit.

    Returns
    -------
    One value per limit, in the order of `LimitSettings`, at most 0 where the limit is kept: a peak
    memory of 3 GiB with a limit of 2 GiB gives 0.5. NaN if a failed trial has no such number.
    A training that the time limit stopped counts with the time that all epochs would have taken.
    """
    values = {
        "peak_memory": _scaled(result.peak_memory_bytes, _GIB),
        "inference_time": _scaled(
            result.inference.per_atom_seconds if result.inference else None, _MICRO
        ),
        "training_time": _scaled(_full_training_seconds(result), _HOUR),
        "energy_drift": _scaled(result.energy_drift, 1.0),
    }
    return tuple(values[name] / limit - 1.0 for name, limit in limits.chosen.items())


def exceeded_limits(result: TrialResult, limits: LimitSettings) -> list[str]:
    """Return which limits a trial exceeds, as far as it is trained and measured."""
    return [
        f"{name} is {excess:.0%} above its limit"
        for name, excess in zip(limits.chosen, constraint_values(result, limits), strict=True)
        if excess > 0
    ]


def _inference_cost(result: TrialResult, tuning: TuningSettings) -> float | None:
    if tuning.inference.objective == "flops":
        return result.cost.flops_per_atom / _MEGA if result.cost else None
    return result.inference.per_atom_seconds / _MICRO if result.inference else None


def _scaled(value: float | None, unit: float) -> float:
    return math.nan if value is None else value / unit


def _full_training_seconds(result: TrialResult) -> float | None:
    if result.training_seconds is None or result.epochs == 0:
        return None
    return result.training_seconds * result.max_epochs / result.epochs
