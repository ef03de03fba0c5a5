"""Exact Fourier coefficients of a circuit's outputs as functions of its features."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.circuits.states import expectation_values, n_uploads, states
from training.quantum.circuit import Circuit, CircuitError, Gate, Input, Operation

# Points of the grid; 3^8 is eight features, each read once.
MOST_POINTS = 3**8
# A coefficient that stays below this for all weights is 0.
ZERO = 1e-12


def grid_shape(circuit: Circuit) -> tuple[int, ...]:
    """Return the number of grid points per feature: 2d + 1 for one that d gates read.

    A rotation exp(−ixP/2) has the frequencies ±1/2, expectation values their differences; so
    2d + 1 frequencies are possible, and as many points determine their coefficients.
    """
    return tuple(2 * uploads + 1 for uploads in n_uploads(circuit))


def fourier_coefficients(circuit: Circuit, weights: Tensor) -> Tensor:
    """Return the coefficients c of f(x) = Σ c(ω)·exp(iω·x).

    Parameters
    ----------
    weights
        Shape (n_weights,), rad.

    Returns
    -------
    Tensor
        Complex, shape (n_observables, 2d₁ + 1, 2d₂ + 1, …); frequencies per axis in the order of
        the FFT: 0, 1, …, d, −d, …, −1.

    Raises
    ------
    CircuitError
        If the grid would have more than `MOST_POINTS` points, or a feature is not the angle of a
        rotation.
    """
    if any(gate.inputs and not _reads_an_angle(gate) for gate in circuit.gates):
        raise CircuitError("features that are scaled, or enter as vectors, have no Fourier series")
    shape = grid_shape(circuit)
    if (n_points := math.prod(shape)) > MOST_POINTS:
        raise CircuitError(
            f"{n_points:,} frequencies of {circuit.n_features} features are more than the"
            f" {MOST_POINTS:,} that are computed"
        )
    axes = [2 * math.pi * torch.arange(n, dtype=torch.float64) / n for n in shape]
    x = torch.cartesian_prod(*axes).reshape(n_points, len(shape)) if shape else torch.zeros(1, 0)
    values = expectation_values(circuit, states(circuit, x, weights))
    grid = values.t().reshape(-1, *shape)
    if not shape:
        return grid.to(torch.complex128)
    return torch.fft.fftn(grid, dim=tuple(range(1, grid.dim()))) / n_points


def _reads_an_angle(gate: Operation) -> bool:
    return isinstance(gate, Gate) and isinstance(gate.angle, Input)


def parts(coefficients: Tensor) -> Tensor:
    """Return the real numbers in the coefficients of each output, shape (n_outputs, 2·n − 1).

    Real and imaginary parts; the coefficient of frequency 0 is real, and comes first. Outputs are
    real, so half of these repeat the other half: n of them are independent.
    """
    flat = coefficients.flatten(1)
    return torch.cat([flat.real, flat.imag[:, 1:]], dim=1)


@dataclass(frozen=True)
class Terms:
    """How many Fourier terms are there.

    Attributes
    ----------
    n_terms
        Real and imaginary parts that the encoding allows, per output.
    nonzero
        Those that are not 0 for all weights, by output.
    frequencies
        Frequency vectors with a coefficient that is not always 0, by output.
    above
        Number of parts above a threshold, by threshold; shape (n_draws, n_outputs) each.
    """

    n_terms: int
    nonzero: list[int]
    frequencies: list[int]
    above: dict[float, Tensor]


def count_terms(coefficients: Tensor, thresholds: tuple[float, ...]) -> Terms:
    """Count terms over many weights.

    Parameters
    ----------
    coefficients
        Of `fourier_coefficients`, stacked, shape (n_draws, n_outputs, …).
    thresholds
        Sizes of a part above which it is counted in one draw.
    """
    sizes = torch.stack([parts(each) for each in coefficients]).abs()
    largest = sizes.amax(0)
    at_all = coefficients.flatten(2).abs().amax(0) > ZERO
    return Terms(
        n_terms=sizes.shape[-1],
        nonzero=(largest > ZERO).sum(1).tolist(),
        frequencies=at_all.sum(1).tolist(),
        above={threshold: (sizes > threshold).sum(2) for threshold in thresholds},
    )
