"""State vectors of the analysis, against PennyLane."""

import pennylane as qml
import pytest
import torch

from analysis.circuits.fourier import fourier_coefficients
from analysis.circuits.states import expectation_values, n_uploads, states
from tests.analysis.circuits.circuit_samples import ALL_GATES, DEFAULT, numbers
from training.quantum.circuit import CircuitError
from training.quantum.molecules import diatomic_circuit
from training.quantum.pennylane_circuit import _apply, pennylane_qnode


@pytest.mark.parametrize("circuit", [ALL_GATES, DEFAULT])
def test_expectation_values_are_pennylanes(circuit):
    x, weights = numbers(circuit)
    ours = expectation_values(circuit, states(circuit, x, weights))
    reference = torch.stack(pennylane_qnode(circuit)(x, weights), dim=-1)
    torch.testing.assert_close(ours, reference, rtol=0, atol=1e-12)


def test_states_are_pennylanes():
    x, weights = numbers(ALL_GATES)

    @qml.qnode(qml.device("default.qubit", wires=3))
    def reference(x):
        for gate in ALL_GATES.gates:
            _apply(gate, x, weights)
        return qml.state()

    torch.testing.assert_close(states(ALL_GATES, x, weights), reference(x), rtol=0, atol=1e-12)


def test_samples_may_have_weights_of_their_own():
    x, weights = numbers(ALL_GATES)
    rows = torch.stack([weights, weights + 1, weights - 2])
    together = states(ALL_GATES, x, rows)
    alone = torch.cat([states(ALL_GATES, x[i : i + 1], rows[i]) for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-14)


def test_uploads_of_each_feature_are_counted():
    assert n_uploads(ALL_GATES) == [2, 1]


def test_a_molecule_s_circuit_has_states_and_no_fourier_series():
    circuit = diatomic_circuit(depth=2)
    draws = torch.Generator().manual_seed(1)
    x = torch.rand(3, 6, dtype=torch.float64, generator=draws)
    weights = torch.rand(circuit.n_weights, dtype=torch.float64, generator=draws)
    state = states(circuit, x, weights)
    torch.testing.assert_close(state.norm(dim=1), torch.ones(3, dtype=torch.float64))
    assert expectation_values(circuit, state).shape == (3, 1)
    with pytest.raises(CircuitError, match="no Fourier series"):
        fourier_coefficients(circuit, weights)
