"""Allegro with a block between its edge features and its readout: for variants that extend it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from allegro.model.allegro_models import AllegroModel, FullAllegroModel
from nequip.nn import ScalarMLP, ScalarMLPFunction

from training.models.edge_readout import Block, EdgeReadout

# What nequip-allegro builds its readout MLP with: option of the MLP, keyword of its builder.
_READOUT_OPTIONS = {
    "hidden_layers_depth": "readout_mlp_hidden_layers_depth",
    "hidden_layers_width": "readout_mlp_hidden_layers_width",
    "nonlinearity": "readout_mlp_nonlinearity",
    "forward_weight_init": "forward_normalize",
}


def allegro_with(block: Callable[[int], Block], allegro: Mapping[str, Any]) -> torch.nn.Module:
    """Build Allegro and put a block before its readout MLP.

    Allegro is built first: with one seed, all variants start from the same weights elsewhere.

    Parameters
    ----------
    block
        Makes the block for a number of edge features.
    allegro
        Keywords of ``allegro.model.AllegroModel``.

    Raises
    ------
    RuntimeError
        If nequip-allegro builds another readout than this function knows how to extend.
    """
    model = AllegroModel(**allegro)
    readout = getattr(getattr(model, "func", None), "edge_readout", None)
    if not isinstance(readout, ScalarMLP):
        raise _unknown_upstream("has no ScalarMLP called edge_readout")
    inserted = block(readout.mlp_module.dims[0])
    mlp = ScalarMLPFunction(
        inserted.n_outputs, readout.mlp_module.dims[-1], **_readout_options(allegro)
    )
    if _shape(mlp) != _shape(readout.mlp_module):
        raise _unknown_upstream("builds edge_readout from other options")
    # Same fields in and out, so the graph around it stays as it is.
    model.func.edge_readout = EdgeReadout(
        inserted, mlp, readout.field, readout.out_field, readout.irreps_in
    )
    return model


def _readout_options(allegro: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the readout MLP: as given, else nequip-allegro's defaults."""
    parameters = inspect.signature(FullAllegroModel).parameters
    missing = [name for name in _READOUT_OPTIONS.values() if name not in parameters]
    if missing:
        raise _unknown_upstream(f"knows no option {missing[0]}")
    return {
        option: allegro.get(name, parameters[name].default)
        for option, name in _READOUT_OPTIONS.items()
    }


def _shape(mlp: ScalarMLPFunction) -> tuple[Any, ...]:
    """Return what the options decide about an MLP, except its input width."""
    return tuple(mlp.dims[1:]), mlp.bias, [type(module) for module in mlp.modules()]


def _unknown_upstream(what: str) -> RuntimeError:
    return RuntimeError(
        f"this nequip-allegro {what}: install nequip-allegro 0.8.3, "
        "or adapt training/models/extended_allegro.py to its allegro/model/allegro_models.py"
    )
