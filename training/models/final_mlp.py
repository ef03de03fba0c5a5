"""The block of ``allegro-mlp``, inserted before Allegro's readout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from training.models.edge_readout import Block
from training.models.scaled_layers import Initialization, activation, linear

Nonlinearity = Literal["silu", "mish", "gelu", "ssp", "tanh"]


class FinalMLP(Block):
    """Linear map to `input_width` features, then two hidden layers (Laskaris 2026, III.D).

    Parameters
    ----------
    n_features
        Number of edge features.
    input_width
        Number of features that enter the first hidden layer.
    widths
        Of the two hidden layers.
    nonlinearity
        After each hidden layer; None makes the block linear.
    initialization
        Of the weights; each keeps the variance of features.

    Raises
    ------
    ValueError
        If the nonlinearity is unknown or not 0 at 0.
    """

    def __init__(
        self,
        n_features: int,
        input_width: int,
        widths: Sequence[int],
        nonlinearity: Nonlinearity | None = "silu",
        initialization: Initialization = "uniform",
    ) -> None:
        super().__init__()
        first, second = widths
        self.n_outputs = second
        self.layers = torch.nn.Sequential(
            linear(n_features, input_width, initialization),
            linear(input_width, first, initialization),
            activation(nonlinearity),
            linear(first, second, initialization),
            activation(nonlinearity),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map features of shape (n_edges, n_features) to (n_edges, n_outputs)."""
        return self.layers(features)
