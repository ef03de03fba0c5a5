"""The engine ``diep-r2scan``: a potential trained on MatPES r2SCAN, weights in its package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workflows.labelling.calculator_engine import CalculatorEntry, Device, TorchCalculatorSettings

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator


class DiepSettings(TorchCalculatorSettings):
    """Settings of the engine ``diep-r2scan``."""

    name: Literal["diep-r2scan"] = "diep-r2scan"


def _load(_settings: DiepSettings, device: Device) -> Calculator:
    from diep.pretrained import make_calculator

    # make_calculator gives the stress in eV/Å³; the bare calculator would give GPa.
    return make_calculator(device=device)


ENGINE = CalculatorEntry(
    settings=DiepSettings,
    load=_load,
    described="a machine-learned potential trained on MatPES r2SCAN",
    functional="r2SCAN",
    packages=("diep",),
    weights="pretrained_models/diep_fold1/state.pt",
    seconds_per_atom=0.007,
)
