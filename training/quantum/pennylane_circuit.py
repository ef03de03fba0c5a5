"""The same circuit in PennyLane: reference, drawings, finite shots, noise, hardware."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pennylane as qml
import torch
from torch import Tensor

from training.quantum.circuit import (
    Circuit,
    Gate,
    Heisenberg,
    Input,
    Observable,
    Operation,
    PauliSum,
    ScaledInput,
    VectorRotation,
    Weight,
)
from training.quantum.operators import PAULI, exchange_matrix, on_qubits

_GATES: dict[str, Callable[..., Any]] = {
    "h": qml.Hadamard,
    "x": qml.PauliX,
    "y": qml.PauliY,
    "z": qml.PauliZ,
    "s": qml.S,
    "sdg": lambda wires: qml.adjoint(qml.S(wires)),
    "cx": qml.CNOT,
    "cz": qml.CZ,
    "rx": qml.RX,
    "ry": qml.RY,
    "rz": qml.RZ,
    "ixx": qml.IsingXX,
    "iyy": qml.IsingYY,
    "izz": qml.IsingZZ,
}
_PAULIS = {"x": qml.PauliX, "y": qml.PauliY, "z": qml.PauliZ}


def pennylane_qnode(
    circuit: Circuit,
    device: str | qml.devices.Device = "default.qubit",
    shots: int | None = None,
    depolarizing: float = 0.0,
    **options: Any,
) -> qml.QNode:
    """Return a QNode ``f(x, weights)`` of the circuit with PyTorch tensors.

    Parameters
    ----------
    circuit
        What to run.
    device
        Name of a PennyLane device, or a device (hardware among them).
    shots
        Measurements per expectation value; exact where None.
    depolarizing
        Probability of a depolarising channel on every qubit of a gate after it; above 0 the device
        must hold density matrices (``default.mixed``).
    **options
        For ``qml.QNode``, such as ``diff_method``.

    Returns
    -------
    qml.QNode
        Takes features (n_samples, n_features), run by broadcasting, or (n_features,), and weights
        (n_weights,), rad. Gives a tuple with one array per observable.
    """
    if isinstance(device, str):
        device = qml.device(device, wires=circuit.n_qubits)

    def run(x: Tensor, weights: Tensor) -> Any:
        for gate in circuit.gates:
            _apply(gate, x, weights)
            if depolarizing > 0:
                for qubit in gate.qubits:
                    qml.DepolarizingChannel(depolarizing, wires=qubit)
        return tuple(qml.expval(_observable(o)) for o in circuit.observables)

    qnode = qml.QNode(run, device, interface="torch", **options)
    return qnode if shots is None else qml.set_shots(qnode, shots)


def _apply(gate: Operation, x: Tensor, weights: Tensor) -> None:
    match gate:
        case Heisenberg():
            _exchange(gate, weights)
        case VectorRotation():
            _vector_rotation(gate, x, weights)
        case Gate(angle=None):
            _GATES[gate.name](wires=list(gate.qubits))
        case Gate():
            _GATES[gate.name](_angle(gate.angle, x, weights), wires=list(gate.qubits))


def _angle(angle: Any, x: Tensor, weights: Tensor) -> Any:
    match angle:
        case Input(index):
            return x[..., index]
        case ScaledInput(index, scale):
            return x[..., index] * weights[scale.index]
        case Weight(index):
            return weights[index]
    return angle


def _exchange(gate: Heisenberg, weights: Tensor) -> None:
    """Apply three commuting rotations for one pair, else a matrix exponential."""
    strength = _angle(gate.strength, weights, weights)
    if len(gate.pairs) == 1:
        for rotation in (qml.IsingXX, qml.IsingYY, qml.IsingZZ):
            rotation(2 * strength, wires=gate.pairs[0])
        return
    generator = exchange_matrix(gate.pairs, gate.qubits).to(torch.complex128)
    qml.QubitUnitary(torch.linalg.matrix_exp(-1j * strength * generator), wires=gate.qubits)


def _vector_rotation(gate: VectorRotation, x: Tensor, weights: Tensor) -> None:
    """Apply the exponential of a sum of Pauli operators."""
    beside = {} if gate.control is None else {gate.control: PAULI["X"]}
    paulis = [on_qubits({gate.qubit: PAULI[axis], **beside}, gate.qubits) for axis in "XYZ"]
    vector = torch.stack([x[..., component.index] for component in gate.vector], dim=-1)
    angles = (_angle(gate.scale, x, weights) * vector).to(torch.complex128)
    generator = torch.tensordot(angles, torch.stack(paulis), dims=1)
    qml.QubitUnitary(torch.linalg.matrix_exp(-1j * generator), wires=gate.qubits)


def _observable(observable: Observable | PauliSum) -> Any:
    if isinstance(observable, Observable):
        return _PAULIS[observable.pauli](observable.qubit)
    products = [
        qml.prod(*(_PAULIS[factor.pauli](factor.qubit) for factor in term.factors))
        for term in observable.terms
    ]
    return qml.dot([term.coefficient for term in observable.terms], products)


def draw(circuit: Circuit) -> str:
    """Return the circuit as text, one line per qubit."""
    x, weights = torch.zeros(circuit.n_features), torch.zeros(circuit.n_weights)
    return str(qml.draw(pennylane_qnode(circuit), decimals=None)(x, weights))
