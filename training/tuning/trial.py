"""What one trial of a study gives: its record, its objectives and its constraints."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

# Force MAE, eV/Å; energy MAE, eV/atom, where frames carry no forces.
AccuracyName = Literal["forces_mae", "per_atom_energy_mae"]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]

# Cores that housekeeping keeps busy on a quiet machine; spread of a quiet machine's calls.
NEGLIGIBLE_LOAD = 0.2
STEADY_SPREAD = 0.1


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InferenceTime(_Record):
    """Wall time of energy and forces of one structure; see docs/explanations/inference_time.md.

    Attributes
    ----------
    per_atom_seconds
        Median over the calls, divided by the number of atoms.
    spread
        Interquartile range of the calls over their median.
    n_atoms, n_edges
        Of the structure measured on; edges within the model's cutoff radius, both directions.
    repeats
        Calls counted.
    threads
        torch's threads within an operation.
    cores
        Of the machine; None where nobody counted them.
    other_load
        Cores that other programs kept busy meanwhile, on average over the calls.
    """

    per_atom_seconds: NonNegative
    spread: NonNegative
    n_atoms: int
    n_edges: int
    repeats: int
    compiled: bool
    device: str
    dtype: str
    threads: int
    cores: int | None = None
    other_load: NonNegative

    @property
    def disturbed(self) -> bool:
        """Whether the calls differed much, or other programs may have held the cores they needed.

        The time of such a measurement is an upper bound.
        """
        free = math.inf if self.cores is None else self.cores - self.threads
        return self.other_load > free + NEGLIGIBLE_LOAD or self.spread > STEADY_SPREAD


class CostEstimate(_Record):
    """What energy and forces of one structure ask of a machine, by counting.

    Attributes
    ----------
    flops_per_atom
        Floating-point operations.
    bytes_per_atom
        Bytes that the operations read and write, if nothing is fused or cached.
    """

    flops_per_atom: NonNegative
    bytes_per_atom: NonNegative


class TrialAccuracy(_Record):
    """What the training of a trial gives.

    Attributes
    ----------
    accuracy
        Mean absolute error on the validation split in the best epoch; None if there is none.
    accuracy_name
        Of what.
    training_seconds
        Training time, resumed runs added up.
    epochs, max_epochs
        Epochs trained, and asked for; fewer where the time limit ended the training.
    failure
        Why there is no accuracy.
    """

    accuracy: NonNegative | None = None
    accuracy_name: AccuracyName
    training_seconds: NonNegative | None = None
    epochs: int = 0
    max_epochs: int
    failure: str | None = None


class TrialMeasurements(_Record):
    """What is measured of a trial's model.

    Attributes
    ----------
    peak_memory_bytes
        Of loading and calling the model, beyond what the process held before.
    energy_drift
        Largest change of the total energy in 200 NVE steps, eV/atom; None if not asked for.
    compile_seconds
        Wall time of compiling; None where a model compiled earlier was used, or none.
    failure
        Why something is missing.
    """

    inference: InferenceTime | None = None
    cost: CostEstimate | None = None
    peak_memory_bytes: int | None = None
    energy_drift: NonNegative | None = None
    compile_seconds: NonNegative | None = None
    failure: str | None = None


class TrialResult(TrialMeasurements, TrialAccuracy):
    """One trial, finished or failed: its hyper-parameters and both parts.

    A trial without accuracy and without failure was not trained, since measuring its model had
    shown that it exceeds a limit.
    """

    parameters: dict[str, Any]
    max_epochs: int = 0

    @property
    def measurements(self) -> TrialMeasurements:
        """The part that is measured."""
        return TrialMeasurements(
            **{name: getattr(self, name) for name in TrialMeasurements.model_fields}
        )

    @classmethod
    def of(
        cls,
        parameters: dict[str, Any],
        accuracy: TrialAccuracy,
        measurements: TrialMeasurements,
    ) -> TrialResult:
        """Join the two parts of a trial."""
        failures = [part.failure for part in (accuracy, measurements) if part.failure]
        return cls(
            parameters=parameters,
            **accuracy.model_dump(exclude={"failure"}),
            **measurements.model_dump(exclude={"failure"}),
            failure="; ".join(failures) or None,
        )


def accuracy_name(*, has_forces: bool) -> AccuracyName:
    """Return which error is the accuracy of a model trained on frames with or without forces."""
    return "forces_mae" if has_forces else "per_atom_energy_mae"
