"""Settings of the optimiser."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictInt


class SamoCobraSettings(BaseModel):
    """How SAMO-COBRA searches."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference_point: tuple[FiniteFloat, ...] | None = Field(
        default=None,
        min_length=1,
        description="worst objectives that count for the hypervolume; none: they follow the trials",
    )
    n_initial: StrictInt | None = Field(
        default=None, ge=1, description="points of the initial design; none: columns + 1"
    )
    n_candidates: StrictInt = Field(
        default=1000, ge=10, description="candidate points of each kind"
    )
