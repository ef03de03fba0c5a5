"""What a campaign or training file says about a study (YAML section ``tuning``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cuprolith.settings import Listed, Settings
from training.optimization.parameters import Parameter
from training.settings import Count, Positive, Processes


class InferenceSettings(Settings):
    """How inference time is measured."""

    objective: Literal["time", "flops"] = Field(
        default="time",
        description="measured seconds per atom, or floating-point operations per atom, which a "
        "busy machine does not disturb",
    )
    compiled: bool = Field(
        default=True, description="measure the compiled model, as it is deployed; eager if false"
    )
    n_atoms: Count | None = Field(
        default=None,
        description="smallest system to measure on; a validation frame is repeated up to it "
        "where it is periodic, and taken as it is where not. None takes frames as they are",
    )
    warm_up: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=5, description="calls not counted"
    )
    repeats: Annotated[int, Field(ge=3, le=10_000)] = Field(default=20, description="calls counted")


class LimitSettings(Settings):
    """What a trial must not exceed (constraints of the study); None sets no limit."""

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
    """One study: a variant's hyper-parameters, for accuracy and speed at once.

    The defaults are the paper's budget (Laskaris 2026, section III.E).
    """

    generations: Annotated[int, Field(ge=1, le=10_000)] = 100
    offspring: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=12, description="trials proposed together"
    )
    workers: Processes = Field(default=1, description="trainings side by side on one machine")
    search_space: dict[str, Parameter] = Field(
        default_factory=dict,
        description="by dotted name within `training`, say `model.r_max`; empty means the "
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
        """Return a copy whose files are relative to nothing; they were relative to `folder`."""
        files = tuple((folder / path).resolve() for path in self.warm_start)
        return self.model_copy(update={"warm_start": files})
