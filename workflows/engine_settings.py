"""Settings of a campaign's engine (YAML section ``engine``)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from cuprolith.settings import Settings
from training.settings import Count
from workflows.kpoints import PAPER_KPOINT_LENGTH

PAPER_COOLING_RATE = 250.0
"""Cooling rate of the melt-quench in K/ps (Laskaris 2026, section III.B)."""

MOST_STEPS = 10_000_000
"""Steps of one melt-quench at most: 20 ns at 2 fs."""

MOST_SEGMENTS = 100_000
"""Jobs of one melt-quench at most."""


class RelaxSettings(Settings):
    """Relaxation of the free atoms in a fixed cell."""

    fmax: Annotated[float, Field(gt=1e-4, lt=1.0)] = Field(
        default=0.03, description="stop when no free atom feels more than this, eV/Å"
    )
    max_steps: Count = Field(default=200, description="ionic steps at most")


class Segment(NamedTuple):
    """Part of a melt-quench that one job runs; its target temperature is linear in time.

    Attributes
    ----------
    first, last
        It leads from the configuration after `first` steps to that after `last`.
    begin, end
        Target temperature there, K.
    """

    first: int
    last: int
    begin: float
    end: float


class MeltQuenchSettings(Settings):
    """Melt-quench of interfaces: hold, then cool linearly; NVT, Nosé–Hoover chain.

    Defaults are the paper's (Laskaris 2026, section III.B), except for `hold_steps`, which the
    paper does not give.
    """

    melt_temperature: Annotated[float, Field(gt=1, lt=20000)] = Field(
        default=600.0, description="temperature of the melt, K"
    )
    final_temperature: Annotated[float, Field(gt=0, lt=20000)] = Field(
        default=10.0, description="temperature at the end, K"
    )
    cooling_rate: Annotated[float, Field(ge=1e-3, le=1e7)] = Field(
        default=PAPER_COOLING_RATE, description="cooling rate, K/ps"
    )
    time_step: Annotated[float, Field(ge=0.05, le=10)] = Field(
        default=2.0, description="MD time step, fs"
    )
    hold_steps: Annotated[int, Field(ge=0, le=MOST_STEPS)] = Field(
        default=500, description="steps at the melt temperature"
    )
    thermostat_time: Annotated[float, Field(ge=1, le=10000)] = Field(
        default=100.0, description="time scale of the Nosé–Hoover chain, fs"
    )
    segment_steps: Count = Field(
        default=200, description="steps per job; a killed run loses at most one segment"
    )

    @model_validator(mode="after")
    def _cools(self) -> MeltQuenchSettings:
        if self.final_temperature >= self.melt_temperature:
            raise ValueError(
                f"final_temperature ({self.final_temperature:g} K) is not below "
                f"melt_temperature ({self.melt_temperature:g} K)"
            )
        if self.n_steps > MOST_STEPS:
            raise ValueError(
                f"{self.n_steps:,} steps of {self.time_step:g} fs: more than {MOST_STEPS:,} are "
                "not run; give a higher `cooling_rate` (K/ps) or fewer `hold_steps`"
            )
        if self.n_steps > MOST_SEGMENTS * self.segment_steps:
            raise ValueError(
                f"{self.n_steps:,} steps in jobs of {self.segment_steps}: more than "
                f"{MOST_SEGMENTS:,} jobs; give larger `segment_steps`"
            )
        return self

    @property
    def quench_steps(self) -> int:
        """Steps of the cooling ramp (the paper: 1,180)."""
        picoseconds = (self.melt_temperature - self.final_temperature) / self.cooling_rate
        return max(1, math.ceil(picoseconds * 1000 / self.time_step - 1e-9))

    @property
    def n_steps(self) -> int:
        """All MD steps: hold and ramp."""
        return self.hold_steps + self.quench_steps

    @property
    def n_segments(self) -> int:
        """Jobs the run is cut into."""
        return len(self.segments)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Segments of at most `segment_steps`; one ends where hold turns into ramp."""
        cuts = [
            *range(0, self.hold_steps, self.segment_steps),
            *range(self.hold_steps, self.n_steps, self.segment_steps),
            self.n_steps,
        ]
        return tuple(
            Segment(first, last, self.temperature_at(first), self.temperature_at(last))
            for first, last in pairwise(cuts)
        )

    @property
    def scaled_down(self) -> bool:
        """Whether the melt is cooled faster than in the paper."""
        return self.cooling_rate > PAPER_COOLING_RATE

    @property
    def label(self) -> str:
        """Name of the run, which says so when it is scaled down."""
        return "scaled-down melt-quench" if self.scaled_down else "melt-quench"

    def temperature_at(self, step: int) -> float:
        """Target temperature (K) after `step` steps: constant, then linear down."""
        progress = max(0, step - self.hold_steps) / self.quench_steps
        span = self.melt_temperature - self.final_temperature
        return self.melt_temperature - span * min(1.0, progress)


class EngineSettings(Settings):
    """Settings that all engines share.

    Each engine has a subclass of its own, whose `name` is a ``Literal`` with that engine's name.
    Fields whose value is a path are files: relative to the campaign file, copied into workdirs,
    and known by their content.
    """

    name: str
    task: Literal["relax", "static"] = Field(
        default="relax", description="relax each structure, or label it as it is (static)"
    )
    relax: RelaxSettings = Field(default=RelaxSettings(), description="used if `task` is relax")
    melt_quench: MeltQuenchSettings | None = Field(
        default=None, description="run on each relaxed interface; leave out for none"
    )

    @model_validator(mode="after")
    def _melts_what_is_relaxed(self) -> Self:
        if self.task == "static" and self.melt_quench is not None:
            raise ValueError(
                "melt_quench starts from relaxed interfaces, and task: static relaxes none; "
                "remove melt_quench, or use task: relax"
            )
        return self

    @property
    def kpoint_length(self) -> float:
        """Length of k-point meshes, Å: the engine's, or the paper's where it uses none."""
        return PAPER_KPOINT_LENGTH

    @property
    def files(self) -> dict[str, Path]:
        """Files that the settings name, by key."""
        values = {key: getattr(self, key) for key in type(self).model_fields}
        return {key: value for key, value in values.items() if isinstance(value, Path)}

    def with_files(self, files: Mapping[str, Path]) -> Self:
        """Return a copy with other paths, by key."""
        return self.model_copy(update=dict(files))
