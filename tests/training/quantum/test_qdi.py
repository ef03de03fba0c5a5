"""The QDI circuit and its layer."""

import math

import pennylane as qml
import pytest
import torch

from training.quantum.circuit import CircuitError, Input
from training.quantum.expectations import expectations
from training.quantum.layer import QDILayer
from training.quantum.pennylane_circuit import draw, pennylane_qnode
from training.quantum.qdi import QDIOptions, qdi_circuit


@pytest.mark.parametrize(
    ("options", "n_weights"),
    [
        ({"n_features": 4}, 24),
        ({"n_features": 4, "depth": 1, "entangling": "strong"}, 24),
        ({"n_features": 8}, 36),
        ({"n_features": 21, "depth": 4}, 112),
        ({"n_features": 21, "n_qubits": 7, "depth": 2}, 56),
    ],
)
def test_number_of_weights(options, n_weights):
    assert qdi_circuit(QDIOptions(**options)).n_weights == n_weights


@pytest.mark.parametrize("n_qubits", [3, 4, 6])
@pytest.mark.parametrize("entangling", ["basic", "strong"])
def test_variational_layers_are_pennylanes_templates(n_qubits, entangling):
    depth = 4
    circuit = qdi_circuit(QDIOptions(n_qubits, n_qubits, depth, entangling=entangling))
    weights = torch.linspace(0, 5, circuit.n_weights, dtype=torch.float64)
    x = torch.linspace(-1, 1, n_qubits, dtype=torch.float64)
    shape = (2, depth, n_qubits) if entangling == "basic" else (2, depth, n_qubits, 3)
    layers = {"basic": qml.BasicEntanglerLayers, "strong": qml.StronglyEntanglingLayers}[entangling]

    @qml.qnode(qml.device("default.qubit", wires=n_qubits))
    def reference():
        before, after = weights.view(shape)
        layers(before, wires=range(n_qubits))
        qml.AngleEmbedding(x, wires=range(n_qubits), rotation="Z")
        layers(after, wires=range(n_qubits))
        return [qml.expval(qml.PauliY(wire)) for wire in range(n_qubits)]

    ours = torch.stack(pennylane_qnode(circuit)(x, weights))
    torch.testing.assert_close(ours, torch.stack(reference()), rtol=0, atol=1e-12)


def test_without_entanglers_outputs_see_their_own_qubit_only():
    circuit = qdi_circuit(QDIOptions(8, entangling="none"))
    assert circuit.n_weights == qdi_circuit(QDIOptions(8)).n_weights
    x = torch.linspace(-1, 1, 8, dtype=torch.float64)
    weights = torch.linspace(0, 5, circuit.n_weights, dtype=torch.float64)
    slopes = torch.func.jacrev(lambda x: expectations(circuit, x[None], weights)[0])(x)
    seen = [torch.nonzero(row.abs() > 1e-12).flatten().tolist() for row in slopes]
    assert seen == [[0, 4], [1, 5], [2, 6], [3, 7]]


def test_features_fill_the_lattice_column_by_column():
    circuit = qdi_circuit(QDIOptions(n_features=6, n_qubits=4))
    encodings = [gate for gate in circuit.gates if isinstance(gate.angle, Input)]
    assert [gate.qubits[0] for gate in encodings] == [0, 1, 2, 3, 0, 1]
    assert [gate.angle.index for gate in encodings] == list(range(6))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_qubits": 1}, "at least 2 qubits"),
        ({"depth": 0}, "depth 1"),
        ({"encoding": "w"}, "encoding 'w' is not one of x, y, z"),
        ({"entangling": "full"}, "entangling 'full' is not one of basic, strong, none"),
        ({"measurement": "odd"}, "measurement 'odd' is not one of all, even, single"),
        ({"input_scaling": "pi"}, "input_scaling 'pi' is not one of none, tanh_pi"),
    ],
)
def test_unknown_options_are_refused(options, message):
    with pytest.raises(CircuitError, match=message):
        QDILayer(QDIOptions(4, **options))


@pytest.mark.parametrize(("measurement", "n_outputs"), [("all", 4), ("even", 2), ("single", 1)])
def test_outputs_are_the_measured_qubits(measurement, n_outputs):
    layer = QDILayer(QDIOptions(4, measurement=measurement))
    assert layer.n_outputs == n_outputs
    assert layer(torch.randn(5, 4)).shape == (5, n_outputs)


@pytest.mark.parametrize("input_scaling", ["none", "tanh_pi"])
def test_the_layer_subtracts_the_expectations_of_zero(input_scaling):
    layer = QDILayer(QDIOptions(4, input_scaling=input_scaling)).double()
    qnode = pennylane_qnode(layer.circuit)
    x = torch.randn(6, 4, dtype=torch.float64)
    angles = x if input_scaling == "none" else math.pi * torch.tanh(x)
    at = torch.stack(qnode(angles, layer.weights), dim=-1)
    at_zero = torch.stack(qnode(torch.zeros(1, 4), layer.weights), dim=-1)
    torch.testing.assert_close(layer(x), at - at_zero, rtol=0, atol=2e-6)
    assert torch.equal(layer(torch.zeros(3, 4).double()), torch.zeros(3, 4).double())


def test_weights_are_uniform_over_the_circle():
    torch.manual_seed(0)
    weights = QDILayer(QDIOptions(200, n_qubits=2, depth=8)).weights
    assert 0 <= weights.min() < 0.1
    assert 2 * math.pi - 0.1 < weights.max() < 2 * math.pi


def test_only_weights_are_in_the_state():
    assert list(QDILayer(QDIOptions(4)).state_dict()) == ["weights"]


def test_shots_scatter_around_the_exact_values():
    circuit = qdi_circuit(QDIOptions(2, n_qubits=2, depth=1))
    weights, x = torch.linspace(0.3, 1, circuit.n_weights), torch.tensor([0.4, -0.7])
    exact = torch.stack(pennylane_qnode(circuit)(x, weights))
    n_shots = 4000
    sampled = torch.stack(pennylane_qnode(circuit, shots=n_shots)(x, weights))
    assert not torch.equal(sampled.double(), exact.double())
    assert (sampled - exact).abs().max() < 6 / math.sqrt(n_shots)


def test_depolarising_noise_shrinks_expectation_values():
    circuit = qdi_circuit(QDIOptions(2, n_qubits=2, depth=1))
    weights, x = torch.linspace(0.3, 1, circuit.n_weights), torch.tensor([0.4, -0.7])
    exact = torch.stack(pennylane_qnode(circuit)(x, weights))
    noisy = torch.stack(pennylane_qnode(circuit, "default.mixed", depolarizing=0.75)(x, weights))
    assert exact.abs().max() > 0.1
    torch.testing.assert_close(noisy, torch.zeros_like(noisy), rtol=0, atol=1e-7)


def test_drawings_have_a_line_per_qubit():
    lines = draw(qdi_circuit(QDIOptions(2, n_qubits=2, depth=1))).splitlines()
    assert len(lines) == 2
    assert all("RX" in line and "RZ" in line and "<Y>" in line.replace("⟨", "<") for line in lines)
