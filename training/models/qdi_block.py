"""The block of ``allegro-qdi``, inserted before Allegro's readout."""

from __future__ import annotations

import math
from typing import Literal

import torch

from training.models.edge_readout import Block
from training.models.scaled_layers import activation, linear
from training.quantum.layer import QDILayer
from training.quantum.qdi import QDIOptions
from training.quantum.trigonometric import TrigonometricLayer


class QDIBlock(Block):
    """Linear map to a quantum depth-infused layer, then a fully connected layer.

    The block uses the circuit's deviation from its value at 0 (`training.quantum.layer`), which
    keeps the energy smooth where an edge reaches the cutoff radius. The paper says nothing about
    a nonlinearity in the fully connected layer. It is needed: without one the layer and the
    first of Allegro's readout would be one matrix, and its width would be no hyper-parameter.

    Expectation values of random circuits are small: their variance is 1/(2^qubits + 1), so that of
    a difference of two is twice that. The circuit's outputs are divided by its square root, as all
    layers here keep the size of features.

    Parameters
    ----------
    n_features
        Number of edge features.
    options
        Of the circuit.
    final_mlp_width
        Of the fully connected layer.
    layer
        ``circuit``, or ``trigonometric`` for a classical layer in its place, a control.
    frozen
        Whether the weights of that layer stay as they are drawn, a control as well.
    """

    def __init__(
        self,
        n_features: int,
        options: QDIOptions,
        final_mlp_width: int,
        layer: Literal["circuit", "trigonometric"] = "circuit",
        *,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        self.n_outputs = final_mlp_width
        self.encode = linear(n_features, options.n_features)
        kind = TrigonometricLayer if layer == "trigonometric" else QDILayer
        self.circuit = kind(options, frozen=frozen)
        self.gain = math.sqrt((2**options.n_qubits + 1) / 2)
        self.fully_connected = torch.nn.Sequential(
            linear(self.circuit.n_outputs, final_mlp_width), activation("silu")
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map features of shape (n_edges, n_features) to (n_edges, n_outputs)."""
        return self.fully_connected(self.gain * self.circuit(self.encode(features)))
