"""Fisher information of a circuit's weights: quantum, and classical for a stated label."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from analysis.circuits.states import states
from training.quantum.circuit import Circuit

# What the outcome of a measurement in the computational basis is read as. The paper does not say
# what its label is; ranks and spectra depend on it.
LABELS = {
    "all": "all 2ⁿ outcomes",
    "parity": "parity of all qubits",
    "qubit": "qubit 0 alone",
}

# An eigenvalue counts for the rank if it is larger than this share of the largest.
RANK_TOLERANCE = 1e-9
# Outcomes less likely than this carry rounding errors only.
_LEAST_PROBABILITY = 1e-24


def state_derivatives(circuit: Circuit, x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return states and their derivatives by the weights, by forward-mode differentiation.

    Parameters
    ----------
    x
        Features, shape (n_samples, n_features), rad.
    weights
        Shape (n_weights,), rad.

    Returns
    -------
    tuple
        States, complex, shape (n_samples, 2^n), and derivatives, shape (n_samples, 2^n, n_weights).
    """

    def final(given: Tensor) -> Tensor:
        return torch.view_as_real(states(circuit, x, given))

    derivatives = torch.func.jacfwd(final)(weights)  # (n_samples, 2^n, 2, n_weights)
    return states(circuit, x, weights), torch.complex(derivatives[:, :, 0], derivatives[:, :, 1])


def quantum_fisher(circuit: Circuit, x: Tensor, weights: Tensor) -> Tensor:
    """Return the quantum Fisher matrix of every sample, shape (n_samples, n_weights, n_weights).

    4·Re(⟨∂ᵢψ|∂ⱼψ⟩ − ⟨∂ᵢψ|ψ⟩⟨ψ|∂ⱼψ⟩), four times the metric of Fubini and Study. Its rank is at
    most 2·2ⁿ − 2, the number of real parameters of a state of n qubits.

    Arguments as of :func:`state_derivatives`.
    """
    return _quantum(*state_derivatives(circuit, x, weights))


def classical_fisher(circuit: Circuit, x: Tensor, weights: Tensor, label: str) -> Tensor:
    """Return the Fisher matrix of every sample, shape (n_samples, n_weights, n_weights).

    Σ_y ∂ᵢp(y)·∂ⱼp(y)/p(y) over the label's values y (Laskaris 2026, Eq. 5; Abbas et al. 2021).

    Parameters
    ----------
    label
        One of `LABELS`.
    x, weights
        As of :func:`state_derivatives`.
    """
    return _classical(*state_derivatives(circuit, x, weights), _reading(label, circuit.n_qubits))


def mean_matrices(circuit: Circuit, x: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Return the mean over the samples of all Fisher matrices, by label and for ``quantum``.

    Arguments as of :func:`state_derivatives`, which runs once.
    """
    found = state_derivatives(circuit, x, weights)
    matrices = {
        label: _classical(*found, _reading(label, circuit.n_qubits)).mean(0) for label in LABELS
    }
    return {"quantum": _quantum(*found).mean(0), **matrices}


def _quantum(state: Tensor, derivatives: Tensor) -> Tensor:
    overlaps = torch.einsum("sai,saj->sij", derivatives.conj(), derivatives)
    along = torch.einsum("sai,sa->si", derivatives.conj(), state)
    return 4 * (overlaps - along[:, :, None] * along.conj()[:, None, :]).real


def _classical(state: Tensor, derivatives: Tensor, reading: Tensor) -> Tensor:
    likely = state.abs().square() @ reading.t()
    slopes = 2 * (state.conj()[:, :, None] * derivatives).real
    slopes = torch.einsum("ya,sai->syi", reading, slopes)
    inverse = torch.where(likely > _LEAST_PROBABILITY, 1 / likely.clamp_min(1e-300), 0.0)
    return torch.einsum("sy,syi,syj->sij", inverse, slopes, slopes)


def _reading(label: str, n_qubits: int) -> Tensor:
    """Return what outcomes belong to which value of the label, shape (n_values, 2^n)."""
    if label == "all":
        return torch.eye(2**n_qubits, dtype=torch.float64)
    index = torch.arange(2**n_qubits)
    value = (index >> (n_qubits - 1)) & 1
    if label == "parity":
        value = sum((index >> qubit) & 1 for qubit in range(n_qubits)) % 2  # type: ignore[assignment]
    return torch.stack([value == 0, value == 1]).to(torch.float64)


def rank(matrix: Tensor) -> int:
    """Return the rank of a Fisher matrix, shape (n_weights, n_weights)."""
    values = torch.linalg.eigvalsh(matrix)
    return int((values > RANK_TOLERANCE * values[-1].clamp_min(1e-300)).sum())


def first_bin_share(eigenvalues: Tensor, n_bins: int) -> float:
    """Return the share of eigenvalues in the first of equal bins from 0 to the largest.

    It is what a histogram shows as "near zero", and so depends on the number of bins.
    """
    return float((eigenvalues < eigenvalues.max() / n_bins).double().mean())


def effective_dimension(matrices: Tensor, n_data: float) -> float:
    """Return the effective dimension of a model for a number of data (Abbas et al. 2021, Eq. 2).

    Parameters
    ----------
    matrices
        Fisher matrices of random weights, shape (n_draws, n_weights, n_weights).
    n_data
        Number of data n, above e; γ is 1.

    Returns
    -------
    float
        For n → ∞ it approaches the largest rank of the matrices.
    """
    n_draws, n_weights, _ = matrices.shape
    trace = matrices.diagonal(dim1=1, dim2=2).sum(1).mean()
    normalised = n_weights * matrices / trace
    scale = n_data / (2 * math.pi * math.log(n_data))
    identity = torch.eye(n_weights, dtype=matrices.dtype)
    log_determinants = torch.linalg.slogdet(identity + scale * normalised).logabsdet
    mean = torch.logsumexp(0.5 * log_determinants, dim=0) - math.log(n_draws)
    return float(2 * mean / math.log(scale))
