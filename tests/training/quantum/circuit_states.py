"""States and Fourier coefficients of circuits, made of the simulator's parts."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from training.quantum.circuit import Circuit, Input, Observable
from training.quantum.expectations import _simulator

# Rows: 1, cos x − 1 and sin x; columns: coefficients of exp(−ix), 1 and exp(ix).
_TO_EXPONENTIALS = torch.tensor(
    [[0, 1, 0], [0.5, -1, 0.5], [0.5j, 0, -0.5j]], dtype=torch.complex128
)


def statevector(circuit: Circuit, x: Tensor, weights: Tensor) -> Tensor:
    """Return the final states, complex, shape (n_samples, 2^n_qubits).

    Arguments as of :func:`expectations`.
    """
    along_z = tuple(Observable("z", observable.qubit) for observable in circuit.observables)
    simulator = _simulator(replace(circuit, observables=along_z), x.dtype, x.device)
    matrices = simulator.matrices(weights)
    at_zero = simulator._states_at_zero(matrices)
    state = at_zero[-1] + simulator._state_deviation(x, matrices, at_zero)  # up to a phase
    real, imaginary = state.t().chunk(2, dim=1)
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
        Complex, shape (n_observables, 3, …, 3): one axis per qubit that encodes, in the order of
        qubits, for the frequencies −1, 0 and 1 of its angle, the sum of its features.

    """
    simulator = _simulator(circuit, weights.dtype, weights.device)
    coefficients = simulator._coefficients(simulator.matrices(weights))
    n_observables, n_a, n_b = coefficients.shape
    n_qubits = _exponent(n_a * n_b)
    tensor = coefficients.reshape(n_observables, *[3] * n_qubits)
    change = _TO_EXPONENTIALS.to(weights.device, tensor.dtype.to_complex())
    tensor = tensor.to(change.dtype)
    for _ in range(n_qubits):
        tensor = torch.tensordot(tensor, change, dims=([1], [0]))
    return tensor


def _exponent(power_of_three: int) -> int:
    exponent = 0
    while 3**exponent < power_of_three:
        exponent += 1
    return exponent
