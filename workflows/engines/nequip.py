"""The engine ``nequip``: a NequIP or Allegro model in a file, of our own or a foundation model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import field_validator

from training.nequip_runs.deployed_files import MODEL_SUFFIXES
from workflows.labelling.calculator_engine import CalculatorEntry, Device, ModelFileSettings

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator


class NequipSettings(ModelFileSettings):
    """Settings of the engine ``nequip``."""

    name: Literal["nequip"] = "nequip"

    @field_validator("model")
    @classmethod
    def _is_a_model(cls, model: Path) -> Path:
        if not model.name.endswith(MODEL_SUFFIXES):
            raise ValueError(
                f"{model.name} is neither a checkpoint (.ckpt), a package (.nequip.zip), nor a "
                "model compiled for ASE (.nequip.pt2)"
            )
        return model


def _load(settings: NequipSettings, device: Device) -> Calculator:
    from training.calculator import model_calculator

    return model_calculator(settings.model, device)


ENGINE = CalculatorEntry(
    settings=NequipSettings,
    load=_load,
    described="a NequIP or Allegro model",
    packages=("nequip",),
    precision="double",
    seconds_per_atom=0.002,  # guess: a small Allegro model
)
