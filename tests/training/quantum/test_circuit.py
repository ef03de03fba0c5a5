"""What a circuit refuses, and how its gates are sorted."""

import pytest

from training.quantum.circuit import (
    Circuit,
    CircuitError,
    Gate,
    Heisenberg,
    Input,
    Observable,
    PauliProduct,
    PauliSum,
    ScaledInput,
    VectorRotation,
    Weight,
    exchange,
)
from training.quantum.fusion import schedule
from training.quantum.qdi import QDIOptions, qdi_circuit

Z0 = (Observable("z", 0),)


@pytest.mark.parametrize(
    ("name", "qubits", "angle", "message"),
    [
        ("swap", (0, 1), None, "not known"),
        ("cx", (0,), None, "2 different qubits"),
        ("cx", (1, 1), None, "2 different qubits"),
        ("rx", (0,), None, "needs an angle"),
        ("h", (0,), 1.0, "takes no angle"),
        ("izz", (0, 1), Input(0), "rotations of one qubit"),
    ],
)
def test_impossible_gates_are_refused(name, qubits, angle, message):
    with pytest.raises(CircuitError, match=message):
        Gate(name, qubits, angle)


@pytest.mark.parametrize(
    ("gate", "observables", "message"),
    [
        (Gate("h", (2,)), Z0, "of 2 qubits"),
        (Gate("rx", (0,), Input(3)), Z0, "feature 3 of 1"),
        (Gate("rx", (0,), Weight(1)), Z0, "weight 1 of 1"),
        (Gate("h", (0,)), (), "at least one qubit"),
        (Gate("h", (0,)), (Observable("x", 0), Observable("z", 0)), "each once"),
        (Gate("h", (0,)), (Observable("x", 5),), "of 2 qubits"),
    ],
)
def test_impossible_circuits_are_refused(gate, observables, message):
    with pytest.raises(CircuitError, match=message):
        Circuit(2, 1, 1, (gate,), observables)


X = (Input(0), Input(1), Input(2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Heisenberg((), 0.1), "different pairs of different qubits"),
        (lambda: Heisenberg(((0, 0),), 0.1), "different pairs of different qubits"),
        (lambda: Heisenberg(((0, 1), (1, 0)), 0.1), "different pairs of different qubits"),
        (lambda: VectorRotation(0, X[:2], 1.0), "three features, not 2"),
        (lambda: VectorRotation(1, X, 1.0, control=1), "cannot control its own"),
        (lambda: Gate("izz", (0, 1), ScaledInput(0, Weight(0))), "rotations of one qubit"),
        (lambda: PauliProduct(1.0, ()), "different qubits"),
        (lambda: PauliProduct(1.0, Z0 + Z0), "different qubits"),
        (lambda: PauliSum(()), "needs a term"),
    ],
)
def test_impossible_operations_and_sums_are_refused(make, message):
    with pytest.raises(CircuitError, match=message):
        make()


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (Heisenberg(((0, 2),), 0.1), r"heisenberg on qubits \(0, 2\) of 2"),
        (Heisenberg(((0, 1),), Weight(2)), "reads weight 2 of 1"),
        (VectorRotation(0, X, 1.0), "reads feature 1 of 1"),
        (Gate("rx", (0,), ScaledInput(0, Weight(1))), "reads weight 1 of 1"),
    ],
)
def test_operations_beyond_the_circuit_are_refused(gate, message):
    with pytest.raises(CircuitError, match=message):
        Circuit(2, 1, 1, (gate,), Z0)


@pytest.mark.parametrize(
    ("gates", "observables"),
    [
        ((Heisenberg(((0, 1),), 0.1),), Z0),
        ((Gate("rx", (0,), ScaledInput(0, Weight(0))),), Z0),
        ((), (exchange([(0, 1)]),)),
    ],
)
def test_the_fast_executor_names_the_other_one(gates, observables):
    with pytest.raises(CircuitError, match="run this circuit by StateVectors"):
        schedule(Circuit(2, 1, 1, gates, observables))


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_rotations_of_many_qubits_are_one_encoding_layer(axis):
    plan = schedule(qdi_circuit(QDIOptions(n_features=4, encoding=axis)))
    assert [layer.rotations for layer in plan.encodings] == [((0, 0), (1, 1), (2, 2), (3, 3))]


def test_gates_move_to_the_earliest_layer_their_qubits_allow():
    gates = [
        Gate("rz", (0,), Input(0)),
        Gate("rx", (0,), Weight(0)),
        Gate("rz", (1,), Input(1)),
        Gate("cx", (0, 1)),
        Gate("rz", (1,), Input(0)),
    ]
    plan = schedule(Circuit(2, 2, 1, tuple(gates), Z0))
    assert [layer.rotations for layer in plan.encodings] == [((0, 0), (1, 1)), ((1, 0),)]
    assert [[gate.name for gate in segment] for segment in plan.segments] == [[], ["rx", "cx"], []]
