"""State vectors of a circuit as functions of inputs and weights, in complex128.

All analyses see a circuit through `states` and `expectation_values` only. An operation of another
kind needs one more case in `_applied`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from training.quantum.circuit import (
    ROTATIONS,
    Circuit,
    CircuitError,
    Gate,
    Input,
    Observable,
    Weight,
)


def states(circuit: Circuit, x: Tensor, weights: Tensor) -> Tensor:
    """Return the final state of every sample, shape (n_samples, 2^n_qubits).

    It can be differentiated by torch in forward and backward mode.

    Parameters
    ----------
    circuit
        What to run. Qubit 0 is the most significant bit of an amplitude's index.
    x
        Features, shape (n_samples, n_features), rad, float64.
    weights
        Shape (n_weights,), or (n_samples, n_weights) where each sample has its own, rad.

    Raises
    ------
    CircuitError
        If the circuit has an operation that is not known here.
    """
    rows = weights if weights.dim() == 2 else weights[None]
    state = torch.eye(1, 2**circuit.n_qubits, dtype=torch.complex128).expand(len(x), -1)
    for gate in circuit.gates:
        state = _applied(gate, state, x, rows, circuit.n_qubits)
    return state


def expectation_values(circuit: Circuit, state: Tensor) -> Tensor:
    """Return the expectation value of every observable, shape (n_samples, n_observables).

    Parameters
    ----------
    state
        Of `states`, shape (n_samples, 2^n_qubits).
    """
    images = [_measured(observable, state, circuit.n_qubits) for observable in circuit.observables]
    return torch.stack([(state.conj() * image).sum(-1).real for image in images], dim=-1)


def n_uploads(circuit: Circuit) -> list[int]:
    """Return how many gates read each feature: its highest Fourier frequency."""
    read = [gate.angle.index for gate in circuit.gates if isinstance(gate.angle, Input)]
    return [read.count(feature) for feature in range(circuit.n_features)]


def _applied(gate: Gate, state: Tensor, x: Tensor, weights: Tensor, n_qubits: int) -> Tensor:
    if not isinstance(gate, Gate):
        raise CircuitError(f"the analysis knows no states for {type(gate).__name__}")
    if gate.name == "h":
        flipped, signed = (_moved(name, gate.qubits, state, n_qubits) for name in "xz")
        return (flipped + signed) / math.sqrt(2)
    if gate.name not in ROTATIONS:
        return _moved(gate.name, gate.qubits, state, n_qubits)
    half = 0.5 * _angle(gate, x, weights)
    turned = _moved(ROTATIONS[gate.name].lower(), gate.qubits, state, n_qubits)
    return torch.cos(half) * state - 1j * torch.sin(half) * turned


def _angle(gate: Gate, x: Tensor, weights: Tensor) -> Tensor:
    """Return the angle of each sample, shape (n_samples, 1) or (1, 1)."""
    if isinstance(gate.angle, Input):
        return x[:, gate.angle.index, None]
    if isinstance(gate.angle, Weight):
        return weights[:, gate.angle.index, None]
    if isinstance(gate.angle, float | int):
        return torch.full((1, 1), float(gate.angle), dtype=torch.float64)
    raise CircuitError(f"the analysis knows no angle {gate.angle}")


def _measured(observable: Observable, state: Tensor, n_qubits: int) -> Tensor:
    if not isinstance(observable, Observable):
        raise CircuitError(f"the analysis knows no observable {type(observable).__name__}")
    return _moved(observable.pauli, (observable.qubit,), state, n_qubits)


def _moved(name: str, qubits: tuple[int, ...], state: Tensor, n_qubits: int) -> Tensor:
    """Apply an operator that moves amplitudes and turns their phases."""
    order, phases = _moves(name, qubits, n_qubits)
    return phases * (state if order is None else state.index_select(-1, order))


@lru_cache(maxsize=4096)
def _moves(name: str, qubits: tuple[int, ...], n_qubits: int) -> tuple[Tensor | None, Tensor]:
    """Return (order, phases) of an operator: amplitude i becomes phases[i]·amplitude[order[i]]."""
    index = torch.arange(2**n_qubits)
    bits = [(index >> (n_qubits - 1 - qubit)) & 1 for qubit in qubits]
    masks = [1 << (n_qubits - 1 - qubit) for qubit in qubits]
    order = index
    phases = torch.ones(len(index), dtype=torch.complex128)
    if name == "cx":
        return index ^ (bits[0] * masks[1]), phases
    if name == "cz":
        return None, (1 - 2 * bits[0] * bits[1]).to(torch.complex128)
    if name in {"s", "sdg"}:
        turned = 1j if name == "s" else -1j
        return None, 1 + (turned - 1) * bits[0].to(torch.complex128)
    for letter, bit, mask in zip(name, bits, masks, strict=True):
        order = order if letter == "z" else order ^ mask
        sign = (1 - 2 * bit).to(torch.complex128)
        phases = phases * (1 if letter == "x" else sign if letter == "z" else -1j * sign)
    return (None if torch.equal(order, index) else order), phases
