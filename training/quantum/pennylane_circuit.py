"""The same circuit in PennyLane: reference, drawings, finite shots, noise, hardware."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pennylane as qml
import torch
from torch import Tensor

from training.quantum.circuit import Circuit, Gate, Input, Weight

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
        return tuple(qml.expval(_PAULIS[o.pauli](o.qubit)) for o in circuit.observables)

    qnode = qml.QNode(run, device, interface="torch", **options)
    return qnode if shots is None else qml.set_shots(qnode, shots)


def _apply(gate: Gate, x: Tensor, weights: Tensor) -> None:
    operation = _GATES[gate.name]
    if gate.angle is None:
        operation(wires=list(gate.qubits))
    elif isinstance(gate.angle, Input):
        operation(x[..., gate.angle.index], wires=gate.qubits)
    elif isinstance(gate.angle, Weight):
        operation(weights[gate.angle.index], wires=list(gate.qubits))
    else:
        operation(gate.angle, wires=list(gate.qubits))


def draw(circuit: Circuit) -> str:
    """Return the circuit as text, one line per qubit."""
    x, weights = torch.zeros(circuit.n_features), torch.zeros(circuit.n_weights)
    return str(qml.draw(pennylane_qnode(circuit), decimals=None)(x, weights))
