"""Expectation values of a circuit."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from training.quantum.circuit import Circuit
from training.quantum.simulator import CircuitSimulator


def expectations(circuit: Circuit, x: Tensor, weights: Tensor) -> Tensor:
    """Return the expectation value of every observable, shape (n_samples, n_observables).

    Parameters
    ----------
    circuit
        What to run.
    x
        Features, shape (n_samples, n_features), rad; float32 or float64, as the weights.
    weights
        Shape (n_weights,), rad.
    """
    simulator = _simulator(circuit, x.dtype, x.device)
    return simulator.differences(x, weights) + simulator.at_zero(weights)


def expectation_differences(circuit: Circuit, x: Tensor, weights: Tensor) -> Tensor:
    """Return expectation values minus those of the features 0, where they are exactly 0.

    Arguments and shape as of :func:`expectations`.
    """
    return _simulator(circuit, x.dtype, x.device).differences(x, weights)


@lru_cache(maxsize=64)
def _simulator(circuit: Circuit, dtype: torch.dtype, device: torch.device) -> CircuitSimulator:
    return CircuitSimulator(circuit, dtype).to(device)
