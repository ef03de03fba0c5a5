"""Fisher matrices, against PennyLane and against models whose Fisher matrix is known."""

import math

import numpy as np
import pennylane as qml
import pytest
import torch

from analysis.circuits.fisher import (
    LABELS,
    classical_fisher,
    effective_dimension,
    first_bin_share,
    mean_matrices,
    quantum_fisher,
    rank,
)
from tests.analysis.circuits.circuit_samples import ALL_GATES, DEFAULT, numbers
from training.quantum.circuit import Circuit, Gate, Input, Observable, Weight
from training.quantum.pennylane_circuit import _apply
from training.quantum.qdi import QDIOptions, qdi_circuit

RY = Circuit(1, 0, 1, (Gate("ry", (0,), Weight(0)),), (Observable("z", 0),))


def metric_tensor(circuit, x, weights):
    """PennyLane's, by its rule of overlaps."""

    @qml.qnode(qml.device("default.qubit", wires=circuit.n_qubits + 1))
    def run(weights):
        for gate in circuit.gates:
            _apply(gate, x, weights)
        return qml.probs(wires=range(circuit.n_qubits))

    return qml.adjoint_metric_tensor(run)(weights)


@pytest.mark.parametrize("circuit", [DEFAULT, qdi_circuit(QDIOptions(2, 2, 2, encoding="y"))])
def test_the_quantum_matrix_is_four_times_pennylanes_metric_tensor(circuit):
    x, weights = numbers(circuit, 1)
    reference = metric_tensor(circuit, x[0], weights.clone().requires_grad_()).detach()
    ours = quantum_fisher(circuit, x, weights)[0]
    torch.testing.assert_close(ours, 4 * reference, rtol=0, atol=1e-10)


@pytest.mark.parametrize("circuit", [DEFAULT, ALL_GATES])
def test_the_matrix_of_all_outcomes_is_pennylanes(circuit):
    x, weights = numbers(circuit, 1)

    @qml.qnode(qml.device("default.qubit", wires=circuit.n_qubits))
    def run(weights):
        for gate in circuit.gates:
            _apply(gate, x[0], weights)
        return qml.probs(wires=range(circuit.n_qubits))

    reference = qml.gradients.classical_fisher(run)(weights.clone().requires_grad_())
    ours = classical_fisher(circuit, x, weights, "all")[0]
    torch.testing.assert_close(ours, reference.detach(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("label", LABELS)
def test_one_rotation_has_one_unit_of_information(label):
    # p = cos²(θ/2): (∂p)²/p + (∂p)²/(1 − p) = 1 for all θ
    found = classical_fisher(RY, torch.zeros(1, 0), torch.tensor([0.7], dtype=torch.float64), label)
    assert found.item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("label", LABELS)
def test_no_measurement_has_more_information_than_the_state(label):
    x, weights = numbers(DEFAULT, 5)
    slack = quantum_fisher(DEFAULT, x, weights) - classical_fisher(DEFAULT, x, weights, label)
    assert torch.linalg.eigvalsh(slack).min() > -1e-12


def test_parity_has_one_number_per_input():
    x, weights = numbers(DEFAULT, 1)
    assert rank(classical_fisher(DEFAULT, x, weights, "parity")[0]) == 1


def test_rank_at_one_input_stops_at_the_numbers_of_a_state():
    ranks = []
    for columns in (1, 2, 3):
        circuit = qdi_circuit(QDIOptions(4 * columns))
        x, weights = numbers(circuit, 1)
        ranks.append(rank(quantum_fisher(circuit, x, weights)[0]))
    assert ranks == [24, 30, 30]


def test_rank_over_many_inputs_goes_on():
    circuit = qdi_circuit(QDIOptions(8))
    x, weights = numbers(circuit, 60)
    matrices = mean_matrices(circuit, x, weights)
    assert {label: rank(matrix) for label, matrix in matrices.items()} == {
        "quantum": 36,
        "all": 36,
        "parity": 29,
        "qubit": 31,
    }


def test_mean_matrices_are_those_of_the_single_functions():
    x, weights = numbers(ALL_GATES, 4)
    matrices = mean_matrices(ALL_GATES, x, weights)
    for label in LABELS:
        alone = classical_fisher(ALL_GATES, x, weights, label).mean(0)
        torch.testing.assert_close(matrices[label], alone, rtol=0, atol=1e-14)
    alone = quantum_fisher(ALL_GATES, x, weights).mean(0)
    torch.testing.assert_close(matrices["quantum"], alone, rtol=0, atol=1e-14)


def test_the_share_near_zero_depends_on_the_bins():
    eigenvalues = torch.tensor([0.0, 0.1, 0.3, 1.0], dtype=torch.float64)
    assert [first_bin_share(eigenvalues, n_bins) for n_bins in (2, 4, 20)] == [0.75, 0.5, 0.25]


def test_effective_dimension_of_equal_matrices():
    # F̂ = 1: 2·log((1 + κ)^(d/2))/log κ = d·log(1 + κ)/log κ with κ = n/(2π·log n)
    matrices = 3 * torch.eye(5, dtype=torch.float64).expand(4, -1, -1)
    scale = 1e4 / (2 * math.pi * math.log(1e4))
    expected = 5 * np.log(1 + scale) / np.log(scale)
    assert effective_dimension(matrices, 1e4) == pytest.approx(expected, rel=1e-12)


def test_effective_dimension_approaches_the_rank():
    matrices = torch.zeros(3, 6, 6, dtype=torch.float64)
    matrices[:, 0, 0], matrices[:, 1, 1] = 2, 0.5
    assert effective_dimension(matrices, 1e300) == pytest.approx(2, rel=0.01)


def test_a_feature_alone_has_no_matrix_entries():
    gates = (Gate("ry", (0,), Weight(0)), Gate("rx", (0,), Input(0)))
    circuit = Circuit(1, 1, 2, gates, (Observable("z", 0),))
    x, weights = numbers(circuit, 2)
    found = quantum_fisher(circuit, x, weights)
    assert torch.equal(found[:, 1], torch.zeros(2, 2, dtype=torch.float64))
    assert found[:, 0, 0].tolist() == pytest.approx([1, 1], abs=1e-12)
