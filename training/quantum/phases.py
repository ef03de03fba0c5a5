"""Encoding layers: RZ rotations of the features, as deviations from no rotation.

RZ(x) is diag(1, exp(ix)) up to a phase that no expectation value sees.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.quantum.fusion import Encoding


class EncodingAngles(nn.Module):
    """Angle of each encoded qubit of one layer, from the features."""

    features: Tensor
    rows: Tensor

    def __init__(self, encoding: Encoding) -> None:
        super().__init__()
        self.qubits = sorted({qubit for qubit, _ in encoding.rotations})
        features = [feature for _, feature in encoding.rotations]
        rows = [self.qubits.index(qubit) for qubit, _ in encoding.rotations]
        self.register_buffer("features", torch.tensor(features), persistent=False)
        self.register_buffer("rows", torch.tensor(rows), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return angles (n_encoded_qubits, n_samples) of features (n_samples, n_features)."""
        angles = x.t().index_select(0, self.features)
        if len(self.rows) == len(self.qubits):
            return angles
        total = torch.zeros_like(angles[: len(self.qubits)])
        return total.index_add(0, self.rows, angles)


def rotation_deviation(angles: Tensor) -> tuple[Tensor, Tensor]:
    """Return real and imaginary part of exp(ix) − 1, without cancellation around 0."""
    half_sine = torch.sin(0.5 * angles)
    return -2 * half_sine * half_sine, torch.sin(angles)


def phase_deviations(angles: Tensor, qubits: list[int], n_qubits: int) -> tuple[Tensor, Tensor]:
    """Return real and imaginary part of P − 1, P the diagonal of an encoding layer.

    Shapes are (2^n_qubits, n_samples); angles belong to `qubits` in order.
    """
    cosines, sines = (part.unbind(0) for part in rotation_deviation(angles))
    real, imaginary = torch.zeros_like(angles[:1]), torch.zeros_like(angles[:1])
    for qubit in range(n_qubits):
        if qubit not in qubits:
            real = real.repeat_interleave(2, dim=0)
            imaginary = imaginary.repeat_interleave(2, dim=0)
            continue
        cosine, sine = cosines[qubits.index(qubit)], sines[qubits.index(qubit)]
        # (1 + U)(1 + u) − 1 = U + u·(1 + U)
        one_plus = 1 + real
        turned_real = real + cosine * one_plus - sine * imaginary
        turned_imaginary = imaginary + sine * one_plus + cosine * imaginary
        real = torch.stack([real, turned_real], dim=1).flatten(0, 1)
        imaginary = torch.stack([imaginary, turned_imaginary], dim=1).flatten(0, 1)
    return real, imaginary
