"""NequIP's model builder of ``allegro-qdi``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from nequip.model import model_builder

from training.models.extended_allegro import allegro_with
from training.models.qdi_block import QDIBlock
from training.quantum.qdi import QDIOptions


@model_builder
def AllegroQDIModel(  # noqa: N802
    qdi: Mapping[str, Any], final_mlp_width: int, **allegro: Any
) -> torch.nn.Module:
    """Allegro with a quantum depth-infused layer before its readout (Laskaris 2026, III.D).

    Parameters
    ----------
    qdi
        Of the circuit: keywords of `training.quantum.qdi.QDIOptions`.
    final_mlp_width
        Of the fully connected layer after the circuit.
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
    return allegro_with(lambda n_features: QDIBlock(n_features, options, final_mlp_width), allegro)
