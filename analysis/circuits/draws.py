"""Random weights and inputs, each analysis with numbers of its own."""

from __future__ import annotations

import math
from zlib import crc32

import torch
from torch import Tensor

from training.quantum.circuit import Circuit


class Draws:
    """Weights uniform over the circle, inputs normal with unit variance (Laskaris 2026, A.2).

    Parameters
    ----------
    seed
        Of everything.
    purpose
        What the numbers are for; another purpose gets other numbers.
    """

    def __init__(self, seed: int, purpose: str) -> None:
        self._generator = torch.Generator().manual_seed((seed << 32) + crc32(purpose.encode()))

    def weights(self, circuit: Circuit, n_draws: int) -> Tensor:
        """Return weights, shape (n_draws, n_weights), rad, float64."""
        shape = (n_draws, circuit.n_weights)
        return 2 * math.pi * torch.rand(shape, generator=self._generator, dtype=torch.float64)

    def inputs(self, circuit: Circuit, n_samples: int) -> Tensor:
        """Return features, shape (n_samples, n_features), rad, float64."""
        shape = (n_samples, circuit.n_features)
        return torch.randn(shape, generator=self._generator, dtype=torch.float64)
