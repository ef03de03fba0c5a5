"""Entangling capability: the entanglement of random states of a circuit."""

from __future__ import annotations

import torch
from torch import Tensor


def meyer_wallach(state: Tensor) -> Tensor:
    """Return Q = 2·(1 − mean over qubits of Tr ρ²) of every state, shape (n_samples,).

    0 for product states, 1 where every qubit is maximally mixed. Sim et al. (2019) call its mean
    over random weights the entangling capability.

    Parameters
    ----------
    state
        Normalised, complex, shape (n_samples, 2^n_qubits).
    """
    n_qubits = state.shape[1].bit_length() - 1
    purities = []
    for qubit in range(n_qubits):
        split = state.reshape(len(state), 2**qubit, 2, -1)
        reduced = torch.einsum("sabc,sadc->sbd", split, split.conj())
        purities.append(reduced.abs().square().sum((1, 2)))
    return 2 * (1 - torch.stack(purities).mean(0))


def haar_mean(n_qubits: int) -> float:
    """Return the mean of Q over random states, (2ⁿ − 2)/(2ⁿ + 1)."""
    return (2**n_qubits - 2) / (2**n_qubits + 1)
