"""NequIP's model builder of ``allegro-qdi``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from nequip.model import model_builder

from training.models.extended_allegro import allegro_with
from training.models.qdi_block import QDIBlock
from training.quantum.qdi import QDIOptions


@model_builder
def AllegroQDIModel(  # noqa: N802
    qdi: Mapping[str, Any],
    final_mlp_width: int,
    layer: Literal["circuit", "trigonometric"] = "circuit",
    frozen: bool = False,
    **allegro: Any,
) -> torch.nn.Module:
    """Allegro with a quantum depth-infused layer before its readout (Laskaris 2026, III.D).

    Parameters
    ----------
    qdi
        Of the circuit: keywords of `training.quantum.qdi.QDIOptions`.
    final_mlp_width
        Of the fully connected layer after the circuit.
    layer, frozen
        As of `QDIBlock`.
    **allegro
        Everything ``allegro.model.AllegroModel`` takes.

    Returns
    -------
    NequIP model of energies (eV), forces (eV/Å) and, with a cell, stresses (eV/Å³).

    Raises
    ------
    RuntimeError
        As `allegro_with`.
    """
    options = QDIOptions(**qdi)

    def block(n_features: int) -> QDIBlock:
        return QDIBlock(n_features, options, final_mlp_width, layer, frozen=frozen)

    return allegro_with(block, allegro)
