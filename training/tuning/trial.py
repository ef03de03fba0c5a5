"""Records of one trial of a study: accuracy and measurements."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

# Force MAE, eV/Å; energy MAE, eV/atom, where frames carry no forces.
AccuracyName = Literal["forces_mae", "per_atom_energy_mae"]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]

# On a quiet machine: cores kept busy by the system, and the spread of calls.
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
        Atoms and edges of the structure; edges within the cutoff radius, in both directions.
    repeats
        Number of calls.
    threads
        torch's threads within an operation.
    cores
        Cores of the machine; None if they were not counted.
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
        """Whether the calls differed much, or other programs may have used the cores they needed.

        The time of such a measurement is an upper bound.
        """
        free = math.inf if self.cores is None else self.cores - self.threads
        return self.other_load > free + NEGLIGIBLE_LOAD or self.spread > STEADY_SPREAD


class CostEstimate(_Record):
    """Counted cost of energy and forces of one structure.

    Attributes
    ----------
    flops_per_atom
        Floating-point operations.
    bytes_per_atom
        Bytes that the operations read and write if nothing is fused or cached.
    """

    flops_per_atom: NonNegative
    bytes_per_atom: NonNegative


class TrialAccuracy(_Record):
    """Result of the training of a trial.

    Attributes
    ----------
    accuracy
        Mean absolute error on the validation split in the best epoch; None if there is none.
    accuracy_name
        Which error it is.
    training_seconds
        Training time, summed over resumed runs.
    epochs, max_epochs
        Epochs trained and requested; fewer if the time limit ended the training.
    failure
        Reason if there is no accuracy.
    """

    accuracy: NonNegative | None = None
    accuracy_name: AccuracyName
    training_seconds: NonNegative | None = None
    epochs: int = 0
    max_epochs: int
    failure: str | None = None


class TrialMeasurements(_Record):
    """Measurements of the model of a trial.

    Attributes
    ----------
    peak_memory_bytes
        Memory of loading and calling the model, above that of the process before.
    energy_drift
        Largest change of the total energy in 200 NVE steps, eV/atom; None without this limit.
    compile_seconds
        Wall time of compiling; None if the model was compiled before, or not at all.
    failure
        Reason if something is missing.
    """

    inference: InferenceTime | None = None
    cost: CostEstimate | None = None
    peak_memory_bytes: int | None = None
    energy_drift: NonNegative | None = None
    compile_seconds: NonNegative | None = None
    failure: str | None = None


class TrialResult(TrialMeasurements, TrialAccuracy):
    """One trial, finished or failed: its hyper-parameters and both parts.

    A trial without accuracy and without failure was not trained, since the measurements of its
    model exceed a limit.
    """

    parameters: dict[str, Any]
    max_epochs: int = 0

    @property
    def measurements(self) -> TrialMeasurements:
        """The measurements alone."""
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
        """Join accuracy and measurements of a trial."""
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
