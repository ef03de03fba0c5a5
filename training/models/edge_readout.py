"""Graph module that replaces Allegro's edge readout.

Allegro's edge features vanish smoothly as an edge gets as long as the cutoff radius, and its own
MLPs have no biases. So an edge that enters or leaves the neighbourhood changes neither energy
nor forces, as long as everything inserted maps 0 to exactly 0 as well.
"""

from __future__ import annotations

from typing import Any

import torch
from nequip.data import AtomicDataDict
from nequip.nn import GraphModuleMixin, ScalarMLPFunction


class Block(torch.nn.Module):
    """Maps features of shape (n_edges, n_features) to (n_edges, n_outputs), 0 to exactly 0."""

    n_outputs: int


class EdgeReadout(GraphModuleMixin, torch.nn.Module):
    """Edge features → inserted block → Allegro's readout MLP → edge energies.

    Parameters
    ----------
    block
        Makes the inputs of the MLP.
    mlp
        Allegro's readout, without biases.
    field, out_field
        Keys of edge features and edge energies.
    irreps_in
        Of the graph before this module.
    """

    def __init__(
        self,
        block: Block,
        mlp: ScalarMLPFunction,
        field: str,
        out_field: str,
        irreps_in: dict[str, Any],
    ) -> None:
        super().__init__()
        self.field = field
        self.out_field = out_field
        self._init_irreps(  # type: ignore[operator]  # mypy sees nn.Module.__getattr__ only
            irreps_in=irreps_in,
            required_irreps_in=[field],
            irreps_out={out_field: f"{mlp.dims[-1]}x0e"},
        )
        self.block = block
        self.mlp_module = mlp

    def forward(self, data: AtomicDataDict.Type) -> AtomicDataDict.Type:
        """Add edge energies to a graph's data."""
        data[self.out_field] = self.mlp_module(self.block(data[self.field]))
        return data
