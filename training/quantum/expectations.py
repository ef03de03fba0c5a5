"""What a circuit gives: expectation values, states, Fourier coefficients."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from training.quantum.circuit import Circuit, Input, Observable
from training.quantum.simulator import CircuitSimulator

# Rows: 1, cos x − 1 and sin x; columns: coefficients of exp(−ix), 1 and exp(ix).
_TO_EXPONENTIALS = torch.tensor(
    [[0, 1, 0], [0.5, -1, 0.5], [0.5j, 0, -0.5j]], dtype=torch.complex128
)


def expectations(circuit: Circuit, x: Tensor, weights: Tensor) -> Tensor:
    """Return the expectation value of every observable, shape (n_inputs, n_observables).

    Parameters
    ----------
    circuit
        What to run.
    x
        Features, shape (n_inputs, n_features), rad; float32 or float64, as the weights.
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


def statevector(circuit: Circuit, x: Tensor, weights: Tensor) -> Tensor:
    """Return the final states, complex, shape (n_inputs, 2^n_qubits).

    Arguments as of :func:`expectations`.
    """
    along_z = tuple(Observable("z", observable.wire) for observable in circuit.observables)
    simulator = _simulator(replace(circuit, observables=along_z), x.dtype, x.device)
    real, imaginary = simulator.state(x, weights).t().chunk(2, dim=1)
    encoded = [gate.angle.index for gate in circuit.gates if isinstance(gate.angle, Input)]
    half = 0.5 * x[:, encoded].sum(1, keepdim=True)  # encodings run as diag(1, exp(ix))
    return torch.complex(real, imaginary) * torch.complex(torch.cos(half), -torch.sin(half))


def fourier_coefficients(circuit: Circuit, weights: Tensor) -> Tensor:
    """Return the exact Fourier coefficients of a circuit with one encoding layer.

    Parameters
    ----------
    circuit
        Features enter in one layer, on up to 7 qubits.
    weights
        Shape (n_weights,), rad.

    Returns
    -------
    Tensor
        Complex, shape (n_observables, 3, …, 3): one axis per wire that encodes, in the order of
        wires, for the frequencies −1, 0 and 1 of its angle, the sum of its features.

    Raises
    ------
    CircuitError
        If features enter in several layers or there are more qubits.
    """
    coefficients = _simulator(circuit, weights.dtype, weights.device).coefficients(weights)
    n_observables, n_a, n_b = coefficients.shape
    n_wires = _exponent(n_a * n_b)
    tensor = coefficients.reshape(n_observables, *[3] * n_wires)
    change = _TO_EXPONENTIALS.to(weights.device, tensor.dtype.to_complex())
    tensor = tensor.to(change.dtype)
    for _ in range(n_wires):
        tensor = torch.tensordot(tensor, change, dims=([1], [0]))
    return tensor


def _exponent(power_of_three: int) -> int:
    exponent = 0
    while 3**exponent < power_of_three:
        exponent += 1
    return exponent


@lru_cache(maxsize=64)
def _simulator(circuit: Circuit, dtype: torch.dtype, device: torch.device) -> CircuitSimulator:
    return CircuitSimulator(circuit, dtype).to(device)
