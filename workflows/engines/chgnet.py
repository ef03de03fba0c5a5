"""The engine ``chgnet-r2scan``: CHGNet fine-tuned on r2SCAN, weights in its package."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Literal

from workflows.labelling.calculator_engine import CalculatorEntry, Device, TorchCalculatorSettings

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator


class ChgnetSettings(TorchCalculatorSettings):
    """Settings of the engine ``chgnet-r2scan``."""

    name: Literal["chgnet-r2scan"] = "chgnet-r2scan"


def _load(_settings: ChgnetSettings, device: Device) -> Calculator:
    from chgnet.model import CHGNet
    from chgnet.model.dynamics import CHGNetCalculator

    with contextlib.redirect_stdout(io.StringIO()):  # it prints the device
        model = CHGNet.load(model_name="r2scan", use_device=device, verbose=False)
        return CHGNetCalculator(model, use_device=device)


ENGINE = CalculatorEntry(
    settings=ChgnetSettings,
    load=_load,
    described="a machine-learned potential trained on MPtrj and fine-tuned on MP-r2SCAN",
    functional="r2SCAN",
    packages=("chgnet",),
    weights="pretrained/r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar",
    seconds_per_atom=0.007,
)
