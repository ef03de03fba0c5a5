"""The engine ``mace``: a MACE model in a file, such as a foundation model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from workflows.labelling.calculator_engine import CalculatorEntry, Device, ModelFileSettings

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator


class MaceSettings(ModelFileSettings):
    """Settings of the engine ``mace``."""

    name: Literal["mace"] = "mace"
    head: str | None = Field(
        default=None, description="head of a model with several, such as `omat_pbe`"
    )


def _load(settings: MaceSettings, device: Device) -> Calculator:
    from mace.calculators import MACECalculator

    heads = {} if settings.head is None else {"head": settings.head}
    return MACECalculator(
        model_paths=str(settings.model), device=device, default_dtype="float64", **heads
    )


ENGINE = CalculatorEntry(
    settings=MaceSettings,
    load=_load,
    described="a MACE model",
    packages=("mace-torch",),
    module="mace",
    precision="double",
    seconds_per_atom=0.02,  # guess: a medium foundation model
)
