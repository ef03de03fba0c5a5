"""The circuit of the quantum depth-infused (QDI) layer."""

from __future__ import annotations

from itertools import count
from typing import TypeVar

from training.quantum.circuit import Circuit, CircuitError, Gate, Input, Observable, Weight

ROTATIONS = {"x": "rx", "y": "ry", "z": "rz"}
T = TypeVar("T")


def qdi_circuit(
    n_inputs: int,
    n_qubits: int = 4,
    depth: int = 3,
    encoding: str = "z",
    rotation: str = "x",
    entangling: str = "basic",
    observable: str = "y",
    measurement: str = "all",
) -> Circuit:
    """Return V·[Embed·V]^L, measured: features lie on a lattice of qubits × L columns.

    Parameters
    ----------
    n_inputs
        Features; feature i is encoded on qubit i mod `n_qubits` in column i // `n_qubits`. The last
        column may be partly empty: its other qubits get no rotation.
    n_qubits
        Qubits, at least 2 (they are entangled in a ring).
    depth
        Variational layers in every V.
    encoding
        Axis of the rotations whose angles are the features.
    rotation
        Axis of the weights' rotations in ``basic`` layers.
    entangling
        ``basic``: one rotation per qubit, then a ring of CNOTs, qubit to next qubit. ``strong``:
        RZ·RY·RZ per qubit, then a ring of CNOTs over a distance of 1, 2, … n_qubits − 1, 1, …
        from layer to layer of a V (as PennyLane's ``StronglyEntanglingLayers``).
    observable
        Pauli operator that is measured.
    measurement
        Measured qubits: ``all``, ``even`` (0, 2, …) or ``single`` (the first).

    Returns
    -------
    Circuit
        (L + 1)·depth·n_qubits weights, three times as many if ``strong``: 24 for 4 features with
        the defaults.

    Raises
    ------
    CircuitError
        If an option or a number is not one of the above.

    Notes
    -----
    Laskaris 2026, section II.C and Fig. 1, after the depth-infused layer of Sagingalieva et al. The
    paper leaves open: the axes of both rotations, the entangler, the observable, the scaling of
    features to angles, and what happens if features do not fill the lattice. The defaults agree
    with its supplement: 24 weights of which ZX-calculus removes none, a rank of the Fisher matrix
    that stays at 30 when depth grows, 161 Fourier terms. RY in place of RX agrees as well. Layers
    ``strong`` with depth 1 also have 24 weights, but ZX-calculus removes a third of them.
    """
    _check(n_inputs, n_qubits, depth)
    encode = _choose("encoding", encoding, ROTATIONS)
    basic = _choose("rotation", rotation, ROTATIONS)
    pauli = _choose("observable", observable, {axis: axis for axis in ROTATIONS})
    strong = _choose("entangling", entangling, {"basic": False, "strong": True})
    measured = _choose(
        "measurement",
        measurement,
        {"all": range(n_qubits), "even": range(0, n_qubits, 2), "single": range(1)},
    )
    weights = count()
    gates: list[Gate] = []

    def variational() -> list[Gate]:
        layers: list[Gate] = []
        for layer in range(depth):
            layers += [
                Gate(name, (qubit,), Weight(next(weights)))
                for qubit in range(n_qubits)
                for name in (("rz", "ry", "rz") if strong else (basic,))
            ]
            layers += _ring(n_qubits, 1 + layer % (n_qubits - 1) if strong else 1)
        return layers

    gates += variational()
    for column in range(0, n_inputs, n_qubits):
        features = range(column, min(column + n_qubits, n_inputs))
        gates += [Gate(encode, (feature - column,), Input(feature)) for feature in features]
        gates += variational()
    return Circuit(
        n_qubits=n_qubits,
        n_inputs=n_inputs,
        n_weights=next(weights),
        gates=tuple(gates),
        observables=tuple(Observable(pauli, qubit) for qubit in measured),
    )


def _ring(n_qubits: int, distance: int) -> list[Gate]:
    return [Gate("cx", (qubit, (qubit + distance) % n_qubits)) for qubit in range(n_qubits)]


def _check(n_inputs: int, n_qubits: int, depth: int) -> None:
    if n_qubits < 2:
        raise CircuitError(f"a QDI circuit entangles at least 2 qubits, not {n_qubits}")
    if n_inputs < 1 or depth < 1:
        raise CircuitError(
            "a QDI circuit needs at least one feature and depth 1, not"
            f" {n_inputs} features and depth {depth}"
        )


def _choose(option: str, value: str, choices: dict[str, T]) -> T:
    if value not in choices:
        raise CircuitError(f"{option} {value!r} is none of {', '.join(choices)}")
    return choices[value]
