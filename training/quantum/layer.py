"""The quantum depth-infused layer as a torch module."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from training.quantum.qdi import QDIOptions, qdi_circuit
from training.quantum.simulator import CircuitSimulator


class QDILayer(nn.Module):
    """Features to expectation values of a QDI circuit, minus those of the feature vector 0.

    Without the subtraction a layer's output would not vanish with its input, and an energy made of
    it would jump when an edge crosses the cutoff radius.

    Parameters
    ----------
    options
        Of the circuit.
    frozen
        Whether the weights stay as they are drawn.
    """

    weights: Tensor

    def __init__(self, options: QDIOptions, *, frozen: bool = False) -> None:
        super().__init__()
        self.circuit = qdi_circuit(options)
        self.n_outputs = len(self.circuit.observables)
        self.input_scaling = options.input_scaling
        self.simulator = CircuitSimulator(self.circuit)
        weights = 2 * math.pi * torch.rand(self.circuit.n_weights)
        if frozen:
            self.register_buffer("weights", weights)
        else:
            self.weights = nn.Parameter(weights)

    def forward(self, x: Tensor) -> Tensor:
        """Return f(x) − f(0), shape (n_samples, n_outputs), of features (n_samples, n_features)."""
        if self.input_scaling == "tanh_pi":
            x = math.pi * torch.tanh(x)
        return self.simulator.differences(x, self.weights)

    def extra_repr(self) -> str:
        """Return what the circuit is made of."""
        circuit = self.circuit
        return (
            f"features={circuit.n_features}, qubits={circuit.n_qubits},"
            f" weights={circuit.n_weights}, outputs={self.n_outputs}"
        )
