"""Circuits as data, and how they grow."""

import pytest
from pydantic import ValidationError

from analysis.circuits.definition import CircuitFile
from training.quantum.circuit import Weight
from training.quantum.qdi import QDIOptions, qdi_circuit

GATES = [
    {"gate": "ry", "qubits": [0], "weight": 0},
    {"gate": "rx", "qubits": [1], "input": 0},
    {"gate": "cx", "qubits": [0, 1]},
    {"gate": "rz", "qubits": [1], "angle": 0.5},
    {"gate": "ry", "qubits": [1], "weight": 1},
]
OBSERVABLES = [{"pauli": "z", "qubit": 1}]


def file(**content):
    return CircuitFile.model_validate({"name": "a", **content})


def test_options_give_the_circuit_of_the_trainings():
    assert file(qdi={}).circuit() == qdi_circuit(QDIOptions())


def test_gates_give_a_circuit_with_as_many_numbers_as_they_read():
    circuit = file(gates=GATES, observables=OBSERVABLES).circuit()
    assert (circuit.n_qubits, circuit.n_features, circuit.n_weights) == (2, 1, 2)
    assert [gate.name for gate in circuit.gates] == ["ry", "rx", "cx", "rz", "ry"]


def test_more_layers_of_gates_read_the_same_features():
    circuit = file(gates=GATES, observables=OBSERVABLES).with_layers(3)
    weights = [gate.angle.index for gate in circuit.gates if isinstance(gate.angle, Weight)]
    assert (circuit.n_features, circuit.n_weights) == (1, 6)
    assert weights == [0, 1, 2, 3, 4, 5]


def test_more_layers_of_a_qdi_circuit_read_more_features():
    circuit = file(qdi={}).with_layers(2)
    assert circuit == qdi_circuit(QDIOptions(8))


def test_other_numbers_of_qubits():
    assert file(qdi={"depth": 1}).with_qubits(6, 2) == qdi_circuit(QDIOptions(6, 6, 2))
    assert file(gates=GATES, observables=OBSERVABLES).with_qubits(6, 2) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "give either `qdi`, or `gates` and `observables`"),
        ({"qdi": {}, "gates": GATES}, "give either"),
        ({"qdi": {}, "observables": OBSERVABLES}, "remove `observables`"),
        ({"gates": GATES}, "observables need at least one qubit"),
        ({"gates": [GATES[0], GATES[4] | {"weight": 2}], "observables": OBSERVABLES},
         "no gate reads weight 1"),
        ({"gates": [GATES[0] | {"angle": 1.0}], "observables": OBSERVABLES}, "give one of"),
        ({"gates": [{"gate": "cx", "qubits": [1]}], "observables": OBSERVABLES}, "takes 2"),
        ({"gates": [{"gate": "rx", "qubits": [1]}], "observables": OBSERVABLES}, "needs an angle"),
    ],
)  # fmt: skip
def test_other_content_is_refused(content, message):
    with pytest.raises(ValidationError, match=message):
        file(**content)
