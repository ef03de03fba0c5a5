"""State vectors of a circuit as functions of inputs and weights, in double precision.

All analyses see a circuit through `states` and `expectation_values` only.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from training.quantum.circuit import Circuit
from training.quantum.state_vectors import StateVectors


def states(circuit: Circuit, x: Tensor, weights: Tensor) -> Tensor:
    """Return the final state of every sample, shape (n_samples, 2^n_qubits).

    Parameters
    ----------
    circuit
        What to run. Qubit 0 is the most significant bit of an amplitude's index.
    x
        Features, shape (n_samples, n_features), rad, float64.
    weights
        Shape (n_weights,), or (n_samples, n_weights) where each sample has its own, rad.
    """
    return _executor(circuit).states(x, weights).expand(len(x), -1)


def expectation_values(circuit: Circuit, state: Tensor) -> Tensor:
    """Return the expectation value of every observable, shape (n_samples, n_observables).

    Parameters
    ----------
    state
        Of `states`, shape (n_samples, 2^n_qubits).
    """
    return _executor(circuit).measured(state)


@lru_cache(maxsize=256)
def _executor(circuit: Circuit) -> StateVectors:
    earlier = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # its constants have the precision of that
    try:
        return StateVectors(circuit)
    finally:
        torch.set_default_dtype(earlier)


def n_uploads(circuit: Circuit) -> list[int]:
    """Return how many gates read each feature: its highest Fourier frequency."""
    read = [index for gate in circuit.gates for index in gate.inputs]
    return [read.count(feature) for feature in range(circuit.n_features)]
