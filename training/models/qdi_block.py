"""The block of ``allegro-qdi``, inserted before Allegro's readout."""

from __future__ import annotations

import math
from typing import Literal

import torch

from training.models.scaled_layers import activation, linear
from training.quantum.layer import QDILayer

Axis = Literal["x", "y", "z"]


class QDIBlock(torch.nn.Module):
    """Linear map to a quantum depth-infused layer, then a fully connected layer.

    The circuit's deviation from its value at 0 is what goes on (`training.quantum.layer`), which
    keeps the energy smooth where an edge reaches the cutoff radius. The paper says nothing about
    a nonlinearity in the fully connected layer. It is needed: without one the layer and the
    first of Allegro's readout would be one matrix, and its width would be no hyper-parameter.

    Expectation values of random circuits are small: their variance is 1/(2^qubits + 1), so that of
    a difference of two is twice that. The circuit's outputs are divided by its square root, as all
    layers here keep the size of features.

    Parameters
    ----------
    n_inputs
        Number of edge features.
    input_features
        Number of features the circuit reads.
    qubits, depth, encoding, rotation, entangling, observable, measurement, input_scaling
        Of the circuit, see `training.quantum.layer.QDILayer`.
    final_mlp_width
        Of the fully connected layer.
    """

    def __init__(
        self,
        n_inputs: int,
        input_features: int = 4,
        qubits: int = 4,
        depth: int = 3,
        encoding: Axis = "z",
        rotation: Axis = "x",
        entangling: Literal["basic", "strong"] = "basic",
        observable: Axis = "y",
        measurement: Literal["all", "even", "single"] = "all",
        input_scaling: Literal["none", "tanh_pi"] = "none",
        final_mlp_width: int = 128,
    ) -> None:
        super().__init__()
        circuit = QDILayer(
            n_inputs=input_features,
            n_qubits=qubits,
            depth=depth,
            encoding=encoding,
            rotation=rotation,
            entangling=entangling,
            observable=observable,
            measurement=measurement,
            input_scaling=input_scaling,
        )
        self.n_outputs = final_mlp_width
        self.encode = linear(n_inputs, input_features)
        self.circuit = circuit
        self.gain = math.sqrt((2**qubits + 1) / 2)
        self.fully_connected = torch.nn.Sequential(
            linear(circuit.n_outputs, final_mlp_width), activation("silu")
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map features of shape (n_edges, n_inputs) to (n_edges, n_outputs)."""
        return self.fully_connected(self.gain * self.circuit(self.encode(features)))
