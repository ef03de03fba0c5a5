"""The report's section on trained quantum layers."""

import torch

from analysis.report.circuit import TrainedCircuit, _has_circuit, circuit_sections, outputs_table
from analysis.report.inputs import Inputs, TrainingFolder
from tests.analysis.circuits.circuit_samples import DEFAULT, numbers
from training.quantum.circuit import Circuit, Gate, Input, Observable, Weight
from training.quantum.qdi import QDIOptions, qdi_circuit


def test_campaigns_without_a_quantum_layer_have_no_section(tmp_path):
    trainings = [TrainingFolder("allegro", tmp_path, {"checkpoint": "best.ckpt"})]
    assert circuit_sections(Inputs(tmp_path, trainings=trainings)) == []


def test_a_quantum_layer_is_found_in_the_trainers_configuration():
    assert _has_circuit({"training_module": {"model": {"qdi": {"depth": 1}}}})
    assert not _has_circuit({"training_module": {"model": {"final_mlp": {}}}})


def test_outputs_of_the_default_circuit():
    table = outputs_table("a", TrainedCircuit(DEFAULT, numbers(DEFAULT)[1]))
    assert [row[0] for row in table.rows] == ["⟨Y0⟩", "⟨Y1⟩", "⟨Y2⟩", "⟨Y3⟩"]
    assert table.rows[0][1] == "12, 14, 15, 18, 20"
    assert all(row[4].endswith(" of 161") for row in table.rows)


def test_power_of_a_product_is_in_both_features():
    # ⟨Z⟩ after CNOT of two rotated qubits is cos x·cos y
    gates = (Gate("ry", (0,), Input(0)), Gate("ry", (1,), Input(1)), Gate("cx", (0, 1)))
    gates += (Gate("rz", (0,), Weight(0)),)
    circuit = Circuit(2, 2, 1, gates, (Observable("z", 1),))
    (row,) = outputs_table("a", TrainedCircuit(circuit, torch.ones(1, dtype=torch.float64))).rows
    assert row[1] == "0"
    assert row[4:] == ["4 of 17", "1: 0 %, 2: 100 %"]


def test_features_that_are_not_combined():
    circuit = qdi_circuit(QDIOptions(3, 3, 1, entangling="none"))
    table = outputs_table("a", TrainedCircuit(circuit, numbers(circuit)[1]))
    assert all(row[5] == "1: 100 %, 2: 0 %, 3: 0 %" for row in table.rows)


def test_too_many_features_have_no_fourier_terms():
    circuit = qdi_circuit(QDIOptions(12, depth=1))
    table = outputs_table("a", TrainedCircuit(circuit, numbers(circuit)[1]))
    assert all(row[4:] == ["–", "–"] for row in table.rows)
