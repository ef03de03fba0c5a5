"""Expressibility: how far random states of a circuit are from random states (Sim et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor

from analysis.circuits.draws import Draws
from analysis.circuits.states import states
from training.quantum.circuit import Circuit

# As in the source; the value depends on it.
N_BINS = 75


def fidelities(circuit: Circuit, seed: int, n_pairs: int) -> Tensor:
    """Return |⟨ψ(x, θ)|ψ(x, φ)⟩|² of random weights θ and φ, shape (n_pairs,).

    Each pair has one input x, drawn as well.
    """
    draws = Draws(seed, "fidelities")
    x = draws.inputs(circuit, n_pairs)
    one, other = (states(circuit, x, draws.weights(circuit, n_pairs)) for _ in range(2))
    return (one.conj() * other).sum(1).abs().square()


def haar_shares(n_qubits: int, n_bins: int = N_BINS) -> Tensor:
    """Return the share of each of equal bins of fidelity for random states, shape (n_bins,).

    Their density is (N − 1)·(1 − F)^(N − 2) with N = 2^n_qubits.
    """
    edges = torch.linspace(0, 1, n_bins + 1, dtype=torch.float64)
    above = (1 - edges) ** (2**n_qubits - 1)
    return above[:-1] - above[1:]


def fidelity_shares(found: Tensor, n_bins: int = N_BINS) -> Tensor:
    """Return the share of each of equal bins, shape (n_bins,)."""
    return torch.histc(found, n_bins, 0, 1) / len(found)


def divergence(found: Tensor, n_qubits: int, n_bins: int = N_BINS) -> float:
    """Return the Kullback–Leibler divergence of fidelities from those of random states.

    0 for random states and infinitely many pairs. Finite samples add about
    (occupied bins − 1)/(2·n_pairs).

    Parameters
    ----------
    found
        Of `fidelities`.
    """
    shares, haar = fidelity_shares(found, n_bins), haar_shares(n_qubits, n_bins)
    filled = shares > 0
    return float((shares[filled] * torch.log(shares[filled] / haar[filled])).sum())
