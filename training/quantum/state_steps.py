"""Steps of a circuit on state vectors: what they need of features and weights, and what they do.

States have the shape (n_samples, 2^n_qubits), complex. Features and weights have a row per sample;
one row, if all samples share them, is broadcast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from training.quantum.circuit import (
    Gate,
    Heisenberg,
    Input,
    Operation,
    ScaledInput,
    VectorRotation,
    Weight,
)
from training.quantum.operators import exchange_matrix, pauli_product

# Below this square of an angle, cos t and sin t/t are power series of t², which have derivatives
# at 0; the first term left out is 3e-19.
_SMALL = 0.1
_COSINE = tuple((-1) ** k / math.factorial(2 * k) for k in range(7))
_SINE = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(7))


class Step(nn.Module):
    """One or more gates."""

    def operator(self, x: Tensor, weights: Tensor) -> Any:
        """Return what `forward` needs of features and weights; it may be used several times."""
        raise NotImplementedError

    def forward(self, states: Tensor, operator: Any) -> Tensor:
        """Return the states after the step."""
        raise NotImplementedError


class Matrix(Step):
    """A gate that never changes."""

    transposed: Tensor

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        real = torch.view_as_real(matrix.t().contiguous()).to(torch.get_default_dtype())
        self.register_buffer("transposed", real, persistent=False)

    def operator(self, x: Tensor, weights: Tensor) -> None:
        """Return nothing: it reads nothing."""

    def forward(self, states: Tensor, operator: Tensor | None) -> Tensor:
        """Multiply."""
        return states @ torch.view_as_complex(self.transposed)


class PauliRotation(Step):
    """A rotation exp(−iθ/2·P) of two qubits: P moves amplitudes and turns their phases."""

    order: Tensor
    phases: Tensor

    def __init__(self, gate: Gate, n_qubits: int) -> None:
        super().__init__()
        assert isinstance(gate.angle, Weight)
        self.weight = gate.angle.index
        matrix = pauli_product(gate, range(n_qubits))
        order = matrix.abs().argmax(dim=1)
        phases = matrix.gather(1, order[:, None])[:, 0]
        self.diagonal = bool((order == torch.arange(len(order))).all())
        self.register_buffer("order", order, persistent=False)
        real = torch.view_as_real(-1j * phases).to(torch.get_default_dtype())
        self.register_buffer("phases", real, persistent=False)

    def operator(self, x: Tensor, weights: Tensor) -> Tensor:
        """Return half the angle."""
        return 0.5 * weights[:, self.weight, None]

    def forward(self, states: Tensor, operator: Tensor) -> Tensor:
        """Return cos(θ/2)·ψ − i·sin(θ/2)·Pψ."""
        moved = states if self.diagonal else states.index_select(1, self.order)
        turned = torch.view_as_complex(self.phases) * moved
        return torch.cos(operator) * states + torch.sin(operator) * turned


class Exchange(Step):
    """Exchange of pairs of qubits, exp(−iJ·Σ σ_a·σ_b), the parts of the sum connected.

    One pair is e^{iJ}·(cos 2J − i·sin 2J·SWAP), without its phase, which nothing sees. Several
    are diagonal in the eigenbasis of their sum, which is real.
    """

    basis: Tensor
    strengths: Tensor

    def __init__(self, gate: Heisenberg, n_qubits: int) -> None:
        super().__init__()
        self.strength = gate.strength
        qubits = gate.qubits
        others = [qubit for qubit in range(n_qubits) if qubit not in qubits]
        self.single = len(gate.pairs) == 1
        self.shape = (-1, *[2] * n_qubits)
        if self.single:
            first, second = gate.qubits
            self.order = list(range(n_qubits + 1))
            self.order[first + 1], self.order[second + 1] = second + 1, first + 1
            return
        self.order = [0, *(qubit + 1 for qubit in (*others, *qubits))]
        self.back = torch.argsort(torch.tensor(self.order)).tolist()
        strengths, basis = torch.linalg.eigh(exchange_matrix(gate.pairs, qubits))
        dtype = torch.get_default_dtype()
        self.register_buffer("strengths", strengths.to(dtype), persistent=False)
        self.register_buffer("basis", basis.to(dtype), persistent=False)

    def operator(self, x: Tensor, weights: Tensor) -> Tensor:
        """Return the strength, or the phase of each eigenstate."""
        strength = _parameter(self.strength, weights)[:, None]
        if self.single:
            return 2 * strength
        angles = -strength * self.strengths
        return torch.complex(torch.cos(angles), torch.sin(angles))

    def forward(self, states: Tensor, operator: Tensor) -> Tensor:
        """Exchange."""
        moved = states.view(self.shape).permute(self.order)
        if self.single:
            swapped = moved.reshape(states.shape)
            return torch.cos(operator) * states + (-1j * torch.sin(operator)) * swapped
        size = len(self.basis)
        basis = self.basis.to(states.dtype)
        rows = moved.reshape(len(states), -1, size) @ basis
        rows = (rows * operator[:, None]) @ basis.t()
        n_rows = len(rows)
        sorted_axes = rows.view(n_rows, *[2] * (len(self.shape) - 1))
        return sorted_axes.permute(self.back).reshape(n_rows, -1)


class OneQubitLayer(Step):
    """Rotations of different qubits, as two matrices: of the first and of the other qubits.

    Those with a control c are block diagonal where X_c is: x in one block, −x in the other.
    """

    def __init__(self, operations: tuple[Operation, ...], n_qubits: int) -> None:
        super().__init__()
        self.operations = operations
        self.control = _control(operations[0])
        free = [qubit for qubit in range(n_qubits) if qubit != self.control]
        half = len(free) // 2
        self.halves = (free[:half], free[half:])
        self.n_qubits = n_qubits
        self.by_qubit = {operation.qubits[0]: operation for operation in operations}

    @staticmethod
    def joins(layer: Sequence[Operation], operation: Operation) -> bool:
        """Whether an operation fits into a layer."""
        taken = {gate.qubits[0] for gate in layer}
        same_control = _control(operation) == _control(layer[0])
        return same_control and not taken & set(operation.qubits)

    def operator(self, x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return the matrices of the first and of the other qubits."""
        known: dict[object, Tensor] = {}
        first, second = (self._matrix(half, x, weights, known) for half in self.halves)
        return first, second

    def forward(self, states: Tensor, operator: tuple[Tensor, Tensor]) -> Tensor:
        """Multiply by the matrices of the two halves."""
        first, second = operator
        left, right = first.shape[-1], second.shape[-1]
        if self.control is None:
            return (first @ states.view(-1, left, right) @ second.mT).flatten(1)
        before = 2**self.control
        zero, one = states.view(len(states), before, 2, -1).unbind(2)
        along = torch.stack([zero + one, zero - one], dim=1).view(len(states), 2, left, right)
        turned = first @ along @ second.mT
        plus, minus = turned.reshape(len(turned), 2, before, -1).unbind(1)
        return 0.5 * torch.stack([plus + minus, plus - minus], dim=2).reshape(len(turned), -1)

    def _matrix(
        self, qubits: Sequence[int], x: Tensor, weights: Tensor, known: dict[object, Tensor]
    ) -> Tensor:
        identity = torch.eye(2, dtype=x.dtype.to_complex(), device=x.device)
        product = identity.new_ones((1, 1, 1) if self.control is None else (1, 1, 1, 1))
        for qubit in qubits:
            factor = self._factor(qubit, x, weights, known)
            factor = identity if factor is None else factor
            size = product.shape[-1]
            outer = product[..., :, None, :, None] * factor[..., None, :, None, :]
            product = outer.reshape(*outer.shape[:-4], 2 * size, 2 * size)
        return product

    def _factor(
        self, qubit: int, x: Tensor, weights: Tensor, known: dict[object, Tensor]
    ) -> Tensor | None:
        operation = self.by_qubit.get(qubit)
        if operation is None:
            return None
        if isinstance(operation, VectorRotation):
            key: object = (operation.vector, operation.scale)
            if key not in known:
                known[key] = _vector_rotation(operation, x, weights)
        else:
            assert isinstance(operation, Gate)
            key = (operation.name, operation.angle)
            if key not in known:
                known[key] = _axis_rotation(operation, x, weights)
        return known[key]


def _control(operation: Operation) -> int | None:
    return operation.control if isinstance(operation, VectorRotation) else None


def _parameter(value: Weight | float, weights: Tensor) -> Tensor:
    """Return a weight of each row, or a number for all of them."""
    if isinstance(value, Weight):
        return weights[:, value.index]
    return weights.new_full((1,), value)


def _vector_rotation(operation: VectorRotation, x: Tensor, weights: Tensor) -> Tensor:
    """Return exp(−iα·x·σ), shape (n_rows, 2, 2); with a control (n_rows, 2, 2, 2), x and −x."""
    scale = _parameter(operation.scale, weights)
    vector = x[:, [component.index for component in operation.vector]]
    angles = scale[:, None] * vector
    cosine, ratio = _cosine_and_ratio((angles * angles).sum(-1))
    along = ratio[:, None] * angles
    if operation.control is not None:
        cosine = cosine[:, None]
        along = torch.stack([along, -along], dim=1)
    return _su2(cosine, *along.unbind(-1))


def _cosine_and_ratio(squares: Tensor) -> tuple[Tensor, Tensor]:
    """Return cos t and sin t/t of angles t, given t²."""
    small = squares < _SMALL
    angles = torch.sqrt(torch.where(small, 1.0, squares))
    below = torch.where(small, squares, 0.0)
    return (
        torch.where(small, _series(_COSINE, below), torch.cos(angles)),
        torch.where(small, _series(_SINE, below), torch.sin(angles) / angles),
    )


def _series(coefficients: Sequence[float], x: Tensor) -> Tensor:
    total = torch.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


def _axis_rotation(gate: Gate, x: Tensor, weights: Tensor) -> Tensor:
    """Return a rotation about an axis, shape (n_rows, 2, 2)."""
    match gate.angle:
        case Input(index):
            angle = x[:, index]
        case ScaledInput(index, scale):
            angle = x[:, index] * weights[:, scale.index]
        case Weight(index):
            angle = weights[:, index]
        case _:
            raise AssertionError(gate)
    sine, none = torch.sin(0.5 * angle), torch.zeros_like(angle)
    parts = {axis: sine if gate.name == f"r{axis}" else none for axis in "xyz"}
    return _su2(torch.cos(0.5 * angle), parts["x"], parts["y"], parts["z"])


def _su2(cosine: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Return cosine − i(xX + yY + zZ), shape (…, 2, 2)."""
    cosine = cosine.expand_as(x)
    real = torch.stack([cosine, -y, y, cosine], dim=-1)
    imaginary = torch.stack([-z, -x, -x, z], dim=-1)
    return torch.complex(real, imaginary).unflatten(-1, (2, 2))
