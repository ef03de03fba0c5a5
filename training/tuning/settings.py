"""Settings of a study (YAML section ``tuning`` of a campaign or a training file)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cuprolith.settings import Listed, Settings
from training.optimization.parameters import Parameter
from training.settings import Count, Positive, Processes


class InferenceSettings(Settings):
    """How the cost of inference is measured."""

    objective: Literal["time", "flops"] = Field(
        default="time",
        description="measured time per atom, or floating-point operations per atom, which do not "
        "depend on the load of the machine",
    )
    compiled: bool = Field(
        default=True, description="measure the compiled model, as it is deployed; eager if false"
    )
    n_atoms: Count | None = Field(
        default=None,
        description="smallest number of atoms to measure on: a periodic validation frame is "
        "repeated until it has as many, others are used as they are. None repeats no frame",
    )
    warm_up: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=5, description="calls not counted"
    )
    repeats: Annotated[int, Field(ge=3, le=10_000)] = Field(default=20, description="calls counted")


class LimitSettings(Settings):
    """Limits that trials must not exceed (constraints of the study); None sets no limit."""

    peak_memory: Positive | None = Field(default=None, description="of inference, GiB")
    inference_time: Positive | None = Field(default=None, description="µs per atom")
    training_time: Positive | None = Field(default=None, description="hours of one training")
    energy_drift: Positive | None = Field(
        default=None, description="of 200 NVE steps of 0.5 fs at 300 K, eV/atom: stability"
    )

    @property
    def chosen(self) -> dict[str, float]:
        """The limits that are set, by name: the constraints of the study, in their order."""
        return {name: limit for name, limit in self if limit is not None}


class TuningSettings(Settings):
    """One study: search a variant's hyper-parameters for accuracy and speed.

    The defaults are the paper's budget (Laskaris 2026, section III.E).
    """

    generations: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="batches of trials"
    )
    offspring: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=12, description="trials proposed together"
    )
    workers: Processes = Field(default=1, description="trainings side by side on one machine")
    search_space: dict[str, Parameter] = Field(
        default_factory=dict,
        description="by dotted name within `training`, such as `model.r_max`; empty means the "
        "variant's own",
    )
    inference: InferenceSettings = InferenceSettings()
    limits: LimitSettings = LimitSettings()
    reference_point: Annotated[tuple[Positive, Positive], Listed] | None = Field(
        default=None,
        description="worst accuracy (eV/Å, or eV/atom) and inference time (µs/atom, or "
        "Mflop/atom) of interest; None follows the trials",
    )
    warm_start: Annotated[tuple[Annotated[Path, Listed], ...], Listed] = Field(
        default=(),
        max_length=1000,
        description="pareto.json of other studies, whose points are tried first",
    )

    @property
    def n_trials(self) -> int:
        """Evaluations of the study."""
        return self.generations * self.offspring

    def with_absolute_files(self, folder: Path) -> TuningSettings:
        """Return a copy with absolute file paths; relative ones are relative to `folder`."""
        files = tuple((folder / path).resolve() for path in self.warm_start)
        return self.model_copy(update={"warm_start": files})
