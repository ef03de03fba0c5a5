"""State vectors of the analysis, against PennyLane."""

import pennylane as qml
import pytest
import torch

from analysis.circuits.states import expectation_values, n_uploads, states
from tests.analysis.circuits.circuit_samples import ALL_GATES, DEFAULT, numbers
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
