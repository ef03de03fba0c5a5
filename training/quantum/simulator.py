"""Expectation values of a circuit for many samples, with exact first and second derivatives."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import get_proxy_mode

from training.quantum.blocks import BlockMatrices
from training.quantum.chunks import run_in_chunks
from training.quantum.circuit import Circuit
from training.quantum.fusion import BLOCK_QUBITS, DENSE_QUBITS, Block, fuse, schedule
from training.quantum.phases import EncodingAngles, phase_deviations
from training.quantum.polynomial import PolynomialForm
from training.quantum.segment import Segment

# One encoding layer makes the outputs a polynomial in sines and cosines; up to this many qubits its
# coefficients are cheaper than states.
POLYNOMIAL_QUBITS = 7

# Samples of a chunk of the polynomial form: its intermediate values fill a core's cache.
POLYNOMIAL_CHUNK = {"cpu": 4096, "cuda": 1 << 20}

# Amplitudes, over all samples and encoding layers, kept for derivatives before they are computed
# again chunk by chunk instead.
MAX_AMPLITUDES = 1 << 21


class CircuitSimulator(nn.Module):
    """Runs one circuit on batches of samples.

    Everything is computed as a deviation from the input 0, so that differences are exactly 0 there
    and keep their relative precision around it. First and second derivatives are exact; third ones
    raise an error, except for batches of a circuit with several encoding layers that fit in memory.

    Parameters
    ----------
    circuit
        What to run.
    dtype
        Of constants, weights and inputs; torch's default where None.
    """

    signs: Tensor

    def __init__(self, circuit: Circuit, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        n_qubits = circuit.n_qubits
        plan = schedule(circuit)
        fused = [fuse(gates, n_qubits) for gates in plan.segments]
        blocks = [step for steps in fused for step in steps if isinstance(step, Block)]
        blocks = blocks or [Block(set())]
        qubits = [_padded(block.qubits, n_qubits) for block in blocks]
        self.matrices = BlockMatrices(
            [block.gates for block in blocks], qubits, n_qubits, circuit.n_weights
        )
        self.segments = nn.ModuleList()
        first = 0
        for steps in fused:
            segment = Segment(steps, n_qubits, first, qubits)
            self.segments.append(segment)
            first += len(segment.blocks)
        self.encodings = nn.ModuleList(EncodingAngles(layer) for layer in plan.encodings)
        measured = [observable.qubits[0] for observable in circuit.observables]
        signs = torch.stack([_z_signs(qubit, n_qubits) for qubit in measured])
        self.register_buffer("signs", signs.to(torch.float64), persistent=False)
        self.polynomial: PolynomialForm | None = None
        if len(plan.encodings) == 1 and n_qubits <= POLYNOMIAL_QUBITS:
            self.polynomial = PolynomialForm(plan.encodings[0], n_qubits)
        self.n_qubits = n_qubits
        self.state_chunk = max(1, MAX_AMPLITUDES // (2**n_qubits * max(1, len(plan.encodings))))
        self.to(dtype or torch.get_default_dtype())

    def differences(self, x: Tensor, weights: Tensor) -> Tensor:
        """Return f(x) − f(0), shape (n_samples, n_observables), exactly 0 where x is 0.

        Parameters
        ----------
        x
            Features, shape (n_samples, n_features), rad.
        weights
            Shape (n_weights,), rad.
        """
        matrices = self.matrices(weights)
        tracing = torch.compiler.is_compiling() or get_proxy_mode() is not None
        if self.polynomial is not None:
            chunk = None if tracing else POLYNOMIAL_CHUNK.get(x.device.type, 1 << 20)
            angles = self.encodings[0](x)
            return self.polynomial.differences(self._coefficients(matrices), angles, chunk).t()
        constants = (matrices, *self._states_at_zero(matrices))
        if tracing or len(x) <= self.state_chunk:
            return self._state_differences(x, *constants)
        return run_in_chunks(self._state_differences, self.state_chunk, x, constants)

    def at_zero(self, weights: Tensor) -> Tensor:
        """Return f(0), shape (n_observables,)."""
        final = self._states_at_zero(self.matrices(weights))[-1][:, 0]
        return self.signs.repeat(1, 2) @ (final * final)

    def _coefficients(self, matrices: Tensor) -> Tensor:
        assert self.polynomial is not None
        state = self.segments[0](matrices, self._zero_state(matrices))
        unitary = cast(Segment, self.segments[-1]).unitary(matrices)
        return self.polynomial.coefficients(state, unitary, self.signs)

    def _state_differences(self, x: Tensor, matrices: Tensor, *at_zero: Tensor) -> Tensor:
        deviation = self._state_deviation(x, matrices, list(at_zero))
        products = deviation * (2 * at_zero[-1] + deviation)
        return (self.signs.repeat(1, 2) @ products).t()

    def _state_deviation(self, x: Tensor, matrices: Tensor, at_zero: list[Tensor]) -> Tensor:
        """Return state(x) − state(0) at the end, shape (2·2^n, n_samples)."""
        deviation = x.new_zeros(2 * 2**self.n_qubits, 1).expand(-1, x.shape[0])
        for layer, angles in enumerate(cast(list[EncodingAngles], self.encodings)):
            real, imaginary = phase_deviations(angles(x), angles.qubits, self.n_qubits)
            state = (at_zero[layer] + deviation) if layer else at_zero[layer]
            state_real, state_imaginary = state.chunk(2)
            turned = torch.cat(
                [
                    real * state_real - imaginary * state_imaginary,
                    real * state_imaginary + imaginary * state_real,
                ]
            )
            deviation = self.segments[layer + 1](matrices, deviation + turned if layer else turned)
        return deviation

    def _states_at_zero(self, matrices: Tensor) -> list[Tensor]:
        """Return the state after each segment for the input 0, each of shape (2·2^n, 1)."""
        state = self._zero_state(matrices)
        states = []
        for segment in self.segments:
            state = segment(matrices, state)
            states.append(state)
        return states

    def _zero_state(self, like: Tensor) -> Tensor:
        return torch.eye(2 * 2**self.n_qubits, 1).to(like)


def _padded(qubits: set[int], n_qubits: int) -> list[int]:
    """Add qubits until blocks are equally large."""
    size = n_qubits if n_qubits <= DENSE_QUBITS else BLOCK_QUBITS
    others = [qubit for qubit in range(n_qubits) if qubit not in qubits]
    return sorted([*qubits, *others[: size - len(qubits)]])


def _z_signs(qubit: int, n_qubits: int) -> Tensor:
    bits = torch.arange(2**n_qubits) >> (n_qubits - 1 - qubit)
    return 1 - 2 * (bits & 1)
