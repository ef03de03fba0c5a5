"""Any circuit on state vectors, gate by gate, with first and second derivatives by autograd.

The weights may differ from sample to sample. One backward pass of the sum over samples then gives
the gradient of each sample with respect to all weights: the rows of a Jacobian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, cast

import torch
from torch import Tensor, nn

from training.quantum.circuit import (
    Circuit,
    Gate,
    Heisenberg,
    Operation,
    ScaledInput,
    VectorRotation,
    Weight,
)
from training.quantum.operators import constant_gate, observable_matrix
from training.quantum.state_steps import Exchange, Matrix, OneQubitLayer, PauliRotation, Step

# Up to this many qubits, gates between two encodings are multiplied to one matrix if all samples
# share their weights.
DENSE_QUBITS = 5


class StateVectors(nn.Module):
    """Runs one circuit on batches of samples.

    Parameters
    ----------
    circuit
        What to run: any operations and observables.
    """

    initial: Tensor
    observables: Tensor

    def __init__(self, circuit: Circuit) -> None:
        super().__init__()
        self.n_qubits = circuit.n_qubits
        start, gates = _leading_constants(circuit)
        self.parts = nn.ModuleList()  # encodings and, between them, gates that read no features
        self._runs: list[tuple[int, tuple[int, ...]]] = []
        known: dict[tuple[Operation, ...], int] = {}
        for encodes, group in groupby(gates, key=lambda gate: bool(gate.inputs)):
            operations, weights = _renumbered(tuple(group))
            if operations not in known:
                known[operations] = len(self.parts)
                self.parts.append(_Part(operations, circuit.n_qubits, encodes=encodes))
            self._runs.append((known[operations], weights))
        matrices = [observable_matrix(o, circuit.n_qubits) for o in circuit.observables]
        real = torch.get_default_dtype()
        # pairs of real numbers, so that the module can be converted to another dtype
        self.register_buffer("initial", torch.view_as_real(start).to(real), persistent=False)
        stacked = torch.view_as_real(torch.stack(matrices).mT.contiguous())
        self.register_buffer("observables", stacked.to(real), persistent=False)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Return the expectation values, shape (n_samples, n_observables).

        Parameters
        ----------
        x
            Features, shape (n_samples, n_features).
        weights
            Shape (n_weights,), or (n_samples, n_weights) where each sample has its own, rad.
        """
        return self.measured(self.states(x, weights)).expand(len(x), -1)

    def measured(self, states: Tensor) -> Tensor:
        """Return the expectation values in states, shape (n_samples, n_observables)."""
        images = states @ torch.view_as_complex(self.observables)
        return (states.conj() * images).real.sum(-1).t()

    def states(self, x: Tensor, weights: Tensor) -> Tensor:
        """Return the final states, shape (n_samples, 2^n_qubits).

        Of a circuit that reads no features there is one, if the samples share their weights.
        """
        shared = weights.dim() == 1
        rows = weights[None] if shared else weights
        matrices = self._matrices(weights) if shared else {}
        states = torch.view_as_complex(self.initial)[None]
        encodings: dict[tuple[int, tuple[int, ...]], list[Any]] = {}
        for run in self._runs:
            part = cast(_Part, self.parts[run[0]])
            if run in matrices:
                states = states @ matrices[run]
                continue
            operators = encodings.get(run) or part.operators(x, rows[:, run[1]])
            if part.encodes:  # it may be uploaded again with the same weights
                encodings[run] = operators
            states = part(states, operators)
        return states

    def _matrices(self, weights: Tensor) -> dict[tuple[int, tuple[int, ...]], Tensor]:
        """Matrices of the parts without features, all of the same gates at once."""
        if self.n_qubits > DENSE_QUBITS:
            return {}
        found: dict[tuple[int, tuple[int, ...]], Tensor] = {}
        size = 2**self.n_qubits
        for index, part in enumerate(cast(list[_Part], self.parts)):
            if part.encodes:
                continue
            own = list(dict.fromkeys(run for run in self._runs if run[0] == index))
            rows = torch.stack([weights[list(columns)] for _, columns in own])
            basis = torch.eye(size, dtype=weights.dtype.to_complex(), device=weights.device)
            repeated = rows.repeat_interleave(size, dim=0)
            images = part(basis.repeat(len(own), 1), part.operators(repeated, repeated))
            found |= dict(zip(own, images.view(len(own), size, size).unbind(), strict=True))
        return found


class _Part(nn.Module):
    """Successive gates, as steps that are each a few tensor operations."""

    def __init__(self, gates: tuple[Operation, ...], n_qubits: int, *, encodes: bool) -> None:
        super().__init__()
        self.encodes = encodes
        self.steps = nn.ModuleList(_steps(gates, n_qubits))

    def operators(self, x: Tensor, weights: Tensor) -> list[Any]:
        """Return what the steps need of features and weights."""
        return [step.operator(x, weights) for step in cast(list[Step], self.steps)]

    def forward(self, states: Tensor, operators: list[Any]) -> Tensor:
        """Return the states after the steps."""
        for step, operator in zip(self.steps, operators, strict=True):
            states = step(states, operator)
        return states


def _steps(gates: Sequence[Operation], n_qubits: int) -> list[Step]:
    steps: list[Step] = []
    layer: list[Operation] = []

    def end_layer() -> None:
        if layer:
            steps.append(OneQubitLayer(tuple(layer), n_qubits))
            layer.clear()

    for gate in gates:
        if _is_constant(gate):
            assert isinstance(gate, Gate)
            end_layer()
            steps.append(Matrix(constant_gate(gate, range(n_qubits))))
        elif isinstance(gate, Heisenberg):
            end_layer()
            steps += [Exchange(part, n_qubits) for part in _connected(gate)]
        elif isinstance(gate, Gate) and len(gate.qubits) == 2:
            end_layer()
            steps.append(PauliRotation(gate, n_qubits))
        else:
            if layer and not OneQubitLayer.joins(layer, gate):
                end_layer()
            layer.append(gate)
    end_layer()
    return steps


def _connected(gate: Heisenberg) -> list[Heisenberg]:
    """Parts that share no qubit: these commute, and smaller matrices suffice."""
    parts: list[set[tuple[int, int]]] = []
    for pair in gate.pairs:
        touching = [part for part in parts if any({*pair} & {*other} for other in part)]
        parts = [part for part in parts if part not in touching]
        parts.append({pair}.union(*touching))
    return [Heisenberg(tuple(p for p in gate.pairs if p in part), gate.strength) for part in parts]


def _leading_constants(circuit: Circuit) -> tuple[Tensor, tuple[Operation, ...]]:
    """Return the state after the gates that never change, and the other gates."""
    state = torch.zeros(2**circuit.n_qubits, dtype=torch.complex128)
    state[0] = 1
    for index, gate in enumerate(circuit.gates):
        if not isinstance(gate, Gate) or not _is_constant(gate):
            return state, circuit.gates[index:]
        state = constant_gate(gate, range(circuit.n_qubits)) @ state
    return state, ()


def _is_constant(gate: Operation) -> bool:
    return isinstance(gate, Gate) and not gate.inputs and not gate.weights


def _renumbered(gates: tuple[Operation, ...]) -> tuple[tuple[Operation, ...], tuple[int, ...]]:
    """Return the gates with their weights numbered from 0, and the weights' former numbers."""
    weights = tuple(dict.fromkeys(index for gate in gates for index in gate.weights))
    return tuple(_with_weight(gate, weights) for gate in gates), weights


def _with_weight(gate: Operation, weights: tuple[int, ...]) -> Operation:
    if not gate.weights:
        return gate
    weight = Weight(weights.index(gate.weights[0]))
    if isinstance(gate, Heisenberg):
        return replace(gate, strength=weight)
    if isinstance(gate, VectorRotation):
        return replace(gate, scale=weight)
    if isinstance(gate.angle, ScaledInput):
        return replace(gate, angle=replace(gate.angle, scale=weight))
    return replace(gate, angle=weight)
