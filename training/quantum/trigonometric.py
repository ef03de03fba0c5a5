"""A classical layer with the frequencies of a QDI circuit, as a control of it."""

from __future__ import annotations

import math
from itertools import product

import torch
from torch import Tensor, nn

from training.quantum.circuit import CircuitError
from training.quantum.qdi import QDIOptions, qdi_circuit

# 3^8 frequencies of eight features.
MOST_FEATURES = 8
_BASIS_SEED = 20260


class TrigonometricLayer(nn.Module):
    """Features to trigonometric polynomials, minus their values at the feature vector 0.

    The polynomials have the frequencies that a QDI circuit has, {−1, 0, 1} for each feature, and as
    many weights. The coefficients are linear in the weights: c = w·B with a random matrix B that is
    always the same and is not trained. Random weights give outputs with the variance of those of
    random circuits, 1/(2^qubits + 1).

    Parameters
    ----------
    options
        Of the circuit whose place this takes.
    frozen
        Whether the weights stay as they are drawn.

    Raises
    ------
    CircuitError
        If there are more than `MOST_FEATURES` features.
    """

    weights: Tensor
    basis: Tensor
    frequencies: Tensor

    def __init__(self, options: QDIOptions, *, frozen: bool = False) -> None:
        super().__init__()
        if options.n_features > MOST_FEATURES:
            raise CircuitError(
                f"a trigonometric layer takes up to {MOST_FEATURES} features, not"
                f" {options.n_features}: it has 3^features frequencies"
            )
        circuit = qdi_circuit(options)
        self.n_outputs = len(circuit.observables)
        self.input_scaling = options.input_scaling
        dtype = torch.get_default_dtype()
        frequencies = _half_of_frequencies(options.n_features)
        generator = torch.Generator().manual_seed(_BASIS_SEED)
        shape = (circuit.n_weights, 2 * len(frequencies), self.n_outputs)
        basis = torch.randn(shape, generator=generator, dtype=torch.float64)
        variance = 1 / ((2**options.n_qubits + 1) * len(frequencies) * circuit.n_weights)
        self.register_buffer("frequencies", frequencies.to(dtype), persistent=False)
        self.register_buffer("basis", (math.sqrt(variance) * basis).to(dtype), persistent=False)
        weights = torch.randn(circuit.n_weights)
        if frozen:
            self.register_buffer("weights", weights)
        else:
            self.weights = nn.Parameter(weights)

    def forward(self, x: Tensor) -> Tensor:
        """Return f(x) − f(0), shape (n_samples, n_outputs), of features (n_samples, n_features)."""
        if self.input_scaling == "tanh_pi":
            x = math.pi * torch.tanh(x)
        phases = x @ self.frequencies.t()
        half_sine = torch.sin(0.5 * phases)
        waves = torch.cat([-2 * half_sine * half_sine, torch.sin(phases)], dim=1)
        return waves @ torch.tensordot(self.weights, self.basis, dims=1)

    def extra_repr(self) -> str:
        """Return what the layer is made of."""
        return (
            f"frequencies={2 * len(self.frequencies) + 1}, weights={len(self.weights)},"
            f" outputs={self.n_outputs}"
        )


def _half_of_frequencies(n_features: int) -> Tensor:
    """Return one of each pair ±ω of frequency vectors, without 0, shape ((3^n − 1)/2, n)."""
    vectors = product((0, 1, -1), repeat=n_features)
    positive = [v for v in vectors if next((part for part in v if part), 0) == 1]
    return torch.tensor(positive, dtype=torch.float64)
