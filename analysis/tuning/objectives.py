"""What studies minimise: the only place that names the objectives and their units."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from training.tuning.settings import TuningSettings


class Objective(BaseModel):
    """What is minimised, and in which unit."""

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
