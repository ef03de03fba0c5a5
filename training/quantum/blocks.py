"""Matrices of fused blocks, in real arithmetic.

A complex matrix M is stored as [[Re M, −Im M], [Im M, Re M]], a state as (Re, Im). A rotation is
cos(θ/2)·1 + sin(θ/2)·G with a constant matrix G, and nothing complex needs to be traced.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.quantum.circuit import Gate, Weight
from training.quantum.operators import constant_gate, on_qubits, pauli_product

Factor = tuple[Tensor, Tensor, int | None]


class BlockMatrices(nn.Module):
    """All blocks of a circuit from its weights.

    Each block is a product of factors cos(θ/2)·A + sin(θ/2)·B with one weight θ; gates without a
    weight are part of A and B.

    Parameters
    ----------
    blocks
        Gates of each block, in order.
    qubits
        Qubits each block's matrix acts on, first qubit most significant; equally many for all.
    n_weights
        Weights of the circuit.
    """

    constant: Tensor
    turned: Tensor
    half_angles: Tensor

    def __init__(
        self, blocks: list[list[Gate]], qubits: list[list[int]], n_qubits: int, n_weights: int
    ) -> None:
        super().__init__()
        factors = [_factors(gates, on) for gates, on in zip(blocks, qubits, strict=True)]
        length = max((len(block) for block in factors), default=0)
        n_block_qubits = len(qubits[0]) if qubits else n_qubits
        identity = torch.eye(2 * 2**n_block_qubits, dtype=torch.float64)
        padding = (identity, torch.zeros_like(identity), None)
        padded = [block + [padding] * (length - len(block)) for block in factors]
        flat = [factor for block in padded for factor in block]
        self.shape = (len(blocks), length, *identity.shape)
        half_angles = torch.zeros(len(flat), n_weights, dtype=torch.float64)
        for row, (_, _, weight) in enumerate(flat):
            if weight is not None:
                half_angles[row, weight] = 0.5
        constants = {
            "half_angles": half_angles,
            "constant": torch.stack([factor[0].flatten() for factor in flat]),
            "turned": torch.stack([factor[1].flatten() for factor in flat]),
        }
        for name, constant in constants.items():
            self.register_buffer(name, constant, persistent=False)

    def forward(self, weights: Tensor) -> Tensor:
        """Return the matrices, shape (n_blocks, 2·2^k, 2·2^k), of weights of shape (n_weights,)."""
        half = self.half_angles @ weights
        factors = torch.cos(half)[:, None] * self.constant + torch.sin(half)[:, None] * self.turned
        product = factors.view(self.shape)
        while (length := product.shape[1]) > 1:
            n_blocks, _, size, _ = product.shape
            rest = product[:, length - length % 2 :]
            pairs = product[:, : length - length % 2].view(n_blocks, length // 2, 2, size, size)
            earlier, later = pairs.unbind(2)
            product = later @ earlier
            if length % 2:
                product = torch.cat([product, rest], dim=1)
        return product[:, 0]


def _factors(gates: list[Gate], qubits: list[int]) -> list[Factor]:
    """Return (A, B, weight) per rotation by a weight, the gates that follow multiplied in."""
    identity = _real(on_qubits({}, qubits))
    factors: list[Factor] = [(identity, torch.zeros_like(identity), None)]
    for gate in gates:
        if isinstance(gate.angle, Weight):
            factors.append((identity, _real(-1j * pauli_product(gate, qubits)), gate.angle.index))
        else:
            matrix = _real(constant_gate(gate, qubits))
            constant, turned, weight = factors[-1]
            factors[-1] = (matrix @ constant, matrix @ turned, weight)
    leading, rest = factors[0][0], factors[1:]
    if not rest:
        return factors
    constant, turned, weight = rest[0]
    return [(constant @ leading, turned @ leading, weight), *rest[1:]]


def _real(matrix: Tensor) -> Tensor:
    top = torch.cat([matrix.real, -matrix.imag], dim=1)
    return torch.cat([top, torch.cat([matrix.imag, matrix.real], dim=1)], dim=0)
