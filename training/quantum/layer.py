"""The quantum depth-infused layer as a torch module."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from training.quantum.circuit import CircuitError
from training.quantum.qdi import qdi_circuit
from training.quantum.simulator import CircuitSimulator

INPUT_SCALINGS = ("none", "tanh_pi")


class QDILayer(nn.Module):
    """Features to expectation values of a QDI circuit, minus those of the feature vector 0.

    Without the subtraction a layer's output would not vanish with its input, and an energy made of
    it would jump when an edge crosses the cutoff radius.

    Parameters
    ----------
    n_inputs
        Features.
    n_qubits, depth, encoding, rotation, entangling, observable, measurement
        As in :func:`~training.quantum.qdi.qdi_circuit`.
    input_scaling
        Features to angles: ``none`` (radians as they are) or ``tanh_pi`` (π·tanh).
    """

    def __init__(
        self,
        n_inputs: int,
        n_qubits: int = 4,
        depth: int = 3,
        encoding: str = "z",
        rotation: str = "x",
        entangling: str = "basic",
        observable: str = "y",
        measurement: str = "all",
        input_scaling: str = "none",
    ) -> None:
        super().__init__()
        if input_scaling not in INPUT_SCALINGS:
            raise CircuitError(
                f"input_scaling {input_scaling!r} is none of {', '.join(INPUT_SCALINGS)}"
            )
        self.circuit = qdi_circuit(
            n_inputs, n_qubits, depth, encoding, rotation, entangling, observable, measurement
        )
        self.n_inputs = n_inputs
        self.n_outputs = len(self.circuit.observables)
        self.input_scaling = input_scaling
        self.simulator = CircuitSimulator(self.circuit)
        self.weights = nn.Parameter(2 * math.pi * torch.rand(self.circuit.n_weights))

    def forward(self, x: Tensor) -> Tensor:
        """Return f(x) − f(0), shape (n_inputs, n_outputs), of features (n_inputs, n_features)."""
        if self.input_scaling == "tanh_pi":
            x = math.pi * torch.tanh(x)
        return self.simulator.differences(x, self.weights)

    def extra_repr(self) -> str:
        """Return what the circuit is made of."""
        circuit = self.circuit
        return (
            f"features={self.n_inputs}, qubits={circuit.n_qubits},"
            f" weights={circuit.n_weights}, outputs={self.n_outputs}"
        )
