"""Random circuits, and PennyLane's values and derivatives of them."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from training.quantum.circuit import (
    FIXED_GATES,
    PAULIS,
    ROTATIONS,
    Circuit,
    Gate,
    Input,
    Observable,
    Weight,
)
from training.quantum.qdi import QDIOptions, qdi_circuit


def random_circuit(seed: int) -> Circuit:
    """Every second one a QDI circuit with random options, else gates in random order."""
    return _random_qdi(seed) if seed % 2 else _random_gates(seed)


def _random_qdi(seed: int) -> Circuit:
    rng = random.Random(seed)
    n_qubits = rng.randint(2, 8)
    return qdi_circuit(
        QDIOptions(
            n_features=rng.randint(1, 2 * n_qubits + 1),
            n_qubits=n_qubits,
            depth=rng.randint(1, 3 if n_qubits < 6 else 1),
            encoding=rng.choice("xyz"),
            rotation=rng.choice("xyz"),
            entangling=rng.choice(["basic", "strong"]),
            observable=rng.choice("xyz"),
            measurement=rng.choice(["all", "even", "single"]),
        )
    )


def _random_gates(seed: int) -> Circuit:
    rng = random.Random(seed)
    n_qubits, n_features, n_weights = rng.randint(2, 8), rng.randint(1, 5), rng.randint(1, 8)
    gates = []
    for _ in range(rng.randint(10, 30)):
        name = rng.choice([*FIXED_GATES, *ROTATIONS, "rx", "ry", "rz", "cx"])
        n_gate_qubits = FIXED_GATES.get(name) or len(ROTATIONS[name])
        qubits = tuple(rng.sample(range(n_qubits), n_gate_qubits))
        angles = [Weight(rng.randrange(n_weights)), rng.uniform(-3, 3)]
        if n_gate_qubits == 1:
            angles += [Input(rng.randrange(n_features))] * 2
        gates.append(Gate(name, qubits, rng.choice(angles) if name in ROTATIONS else None))
    measured = rng.sample(range(n_qubits), rng.randint(1, n_qubits))
    observables = tuple(Observable(rng.choice(PAULIS), qubit) for qubit in measured)
    return Circuit(n_qubits, n_features, n_weights, tuple(gates), observables)


def derivatives(values: Tensor, x: Tensor, weights: Tensor, seed: int) -> list[Tensor]:
    """First derivatives of a random projection of the values, and second ones of one of those."""
    generator = torch.Generator().manual_seed(seed)

    def like(tensor: Tensor) -> Tensor:
        return torch.randn(tensor.shape, generator=generator, dtype=torch.float64).to(tensor)

    inputs = [x, weights]
    total = (like(values) * values).sum()
    options = {"allow_unused": True, "materialize_grads": True}
    first = torch.autograd.grad(total, inputs, create_graph=True, **options)
    projected = sum((like(gradient) * gradient).sum() for gradient in first)
    if not projected.requires_grad:
        return [*first]
    second = torch.autograd.grad(projected, inputs, **options)
    return [*first, *second]
