"""Circuits of the tests."""

from __future__ import annotations

import torch
from torch import Tensor

from training.quantum.circuit import Circuit, Gate, Input, Observable, Weight
from training.quantum.qdi import QDIOptions, qdi_circuit

DEFAULT = qdi_circuit(QDIOptions())

# Three qubits, two features, one of which enters twice; all kinds of gates.
ALL_GATES = Circuit(
    n_qubits=3,
    n_features=2,
    n_weights=6,
    gates=(
        Gate("h", (0,)),
        Gate("ry", (1,), Weight(0)),
        Gate("rx", (2,), Weight(1)),
        Gate("ixx", (0, 2), Weight(2)),
        Gate("cx", (2, 0)),
        Gate("rz", (0,), Input(0)),
        Gate("ry", (2,), Input(1)),
        Gate("iyy", (1, 2), Weight(3)),
        Gate("s", (0,)),
        Gate("cz", (0, 1)),
        Gate("rx", (1,), Input(0)),
        Gate("sdg", (2,)),
        Gate("izz", (1, 0), Weight(4)),
        Gate("y", (1,)),
        Gate("x", (2,)),
        Gate("z", (0,)),
        Gate("ry", (0,), 0.7),
        Gate("rz", (1,), Weight(5)),
        Gate("rx", (1,), 0.4),
    ),
    observables=(Observable("x", 0), Observable("y", 1), Observable("z", 2)),
)


def numbers(circuit: Circuit, n_samples: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random features and weights."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n_samples, circuit.n_features, generator=generator, dtype=torch.float64)
    return x, 6 * torch.rand(circuit.n_weights, generator=generator, dtype=torch.float64)
