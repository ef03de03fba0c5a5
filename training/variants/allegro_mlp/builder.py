"""NequIP's model builder of ``allegro-mlp``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from nequip.model import model_builder

from training.models.extended_allegro import allegro_with
from training.models.final_mlp import FinalMLP


@model_builder
def AllegroMLPModel(final_mlp: Mapping[str, Any], **allegro: Any) -> torch.nn.Module:  # noqa: N802
    """Allegro with an MLP of two hidden layers before its readout (Laskaris 2026, section III.D).

    Parameters
    ----------
    final_mlp
        Keywords of `FinalMLP` except ``n_features``.
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
    return allegro_with(partial(FinalMLP, **final_mlp), allegro)
