"""Circuits with one encoding layer: outputs as polynomials in the angles' sines and cosines.

With g(x) = (1, cos x − 1, sin x) per encoded qubit, f(x) = Σ_k C[k] Π_w g_{k_w}(x_w), and C[0] is
f(0). The qubits fall into two halves A and B, so that a sample costs one small matrix product:
f = Σ_i A_i(x) Σ_j C[i, j] B_j(x).
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn

from training.quantum.fusion import Encoding
from training.quantum.polynomial_values import PolynomialInChunks, polynomial_values, products

# Maps (00, 01, 10, 11), the bits of a qubit in bra and ket, to the coefficients of g: the ket has
# the phase exp(ix) if its bit is 1, the bra exp(−ix).
_FROM_BITS = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 0], [0, 1j, -1j, 0]], dtype=torch.complex128)


# g′ = (0, −sin x, cos x) as a matrix times g.
_DERIVATIVE = torch.tensor([[0, 0, 0], [0, 0, -1], [1, 1, 0]], dtype=torch.float64)


class PolynomialForm(nn.Module):
    """Coefficients of the polynomial, and its values."""

    from_bits_a: Tensor
    from_bits_b: Tensor
    d_a: Tensor
    d_b: Tensor
    differing: Tensor

    def __init__(self, encoding: Encoding, n_qubits: int) -> None:
        super().__init__()
        encoded = sorted({qubit for qubit, _ in encoding.rotations})
        self.split = n_qubits // 2
        self.bits = (2**self.split, 2 ** (n_qubits - self.split))
        half_a = [qubit in encoded for qubit in range(self.split)]
        half_b = [qubit in encoded for qubit in range(self.split, n_qubits)]
        map_a, map_b = _map(half_a), _map(half_b)
        differing = torch.ones(len(map_a), len(map_b), dtype=torch.float64)
        differing[0, 0] = 0
        constants = {
            "from_bits_a": _stacked(map_a),
            "from_bits_b": torch.cat([map_b.real, -map_b.imag], 1).t().contiguous(),
            "d_a": _derivative_matrices(sum(half_a)),
            "d_b": _derivative_matrices(sum(half_b)),
            "differing": differing,
        }
        for name, constant in constants.items():
            self.register_buffer(name, constant, persistent=False)

    def coefficients(self, state: Tensor, unitary: Tensor, signs: Tensor) -> Tensor:
        """Return C, shape (n_observables, 3^a, 3^b).

        Parameters
        ----------
        state
            Before the encoding, shape (2·2^n, 1).
        unitary
            Of all that follows, shape (2·2^n, 2·2^n).
        signs
            Eigenvalues of the observables, shape (n_observables, 2^n).
        """
        size = len(state) // 2
        real, imaginary = state[:size, 0], state[size:, 0]
        from_real = unitary[:, :size] * real + unitary[:, size:] * imaginary
        from_imaginary = unitary[:, size:] * real - unitary[:, :size] * imaginary
        # bra[b]* · O · ket[b'], its real part beside its imaginary part
        bras = from_real.t() * signs.repeat(1, 2)[:, None, :]
        products = bras @ torch.cat([from_real, -from_imaginary], dim=1)
        a, b = self.bits
        products = products.view(-1, a, b, 2, a, b).permute(0, 3, 1, 4, 2, 5)
        half = self.from_bits_a @ products.reshape(-1, 2 * a * a, b * b)
        half = half.view(len(signs), 2, -1, b * b).transpose(1, 2)
        return half.reshape(len(signs), -1, 2 * b * b) @ self.from_bits_b

    def differences(self, coefficients: Tensor, angles: Tensor, chunk: int | None) -> Tensor:
        """Return f(x) − f(0), shape (n_observables, n_samples).

        `chunk` samples are computed at a time; if None, all at once, by operations that can be
        traced.
        """
        differing = coefficients * self.differing
        if chunk is None:
            return polynomial_values(differing, *products(angles, len(self.d_a)))
        return PolynomialInChunks.apply(differing, angles, self.d_a, self.d_b, chunk)


def _stacked(matrix: Tensor) -> Tensor:
    """Return the real matrix that acts on (Re, Im)."""
    top = torch.cat([matrix.real, -matrix.imag], 1)
    return torch.cat([top, torch.cat([matrix.imag, matrix.real], 1)], 0)


def _map(encoded: list[bool]) -> Tensor:
    """Map of several qubits, columns ordered (bits of the bra, bits of the ket)."""
    n_qubits = len(encoded)
    maps = [_FROM_BITS if is_encoded else _FROM_BITS[:1] for is_encoded in encoded]
    matrix = reduce(torch.kron, maps, torch.ones(1, 1, dtype=torch.complex128))
    bits = matrix.view(-1, *[2] * (2 * n_qubits))
    order = [0, *range(1, 2 * n_qubits, 2), *range(2, 2 * n_qubits + 1, 2)]
    return bits.permute(order).reshape(len(matrix), -1)


def _derivative_matrices(n_qubits: int) -> Tensor:
    """Return d with ∂/∂x_w Π g = d[w] · Π g, shape (n_qubits, 3^n_qubits, 3^n_qubits)."""
    matrices = torch.zeros(n_qubits, 3**n_qubits, 3**n_qubits, dtype=torch.float64)
    for qubit in range(n_qubits):
        before, after = torch.eye(3**qubit), torch.eye(3 ** (n_qubits - 1 - qubit))
        matrices[qubit] = torch.kron(torch.kron(before, _DERIVATIVE), after)
    return matrices
