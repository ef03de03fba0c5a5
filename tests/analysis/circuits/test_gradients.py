"""Gradients, weights without effect, barren plateaus."""

from itertools import pairwise

import pytest
import torch

from analysis.circuits.gradients import gradient_variance, output_gradients, without_effect
from tests.analysis.circuits.circuit_samples import ALL_GATES, DEFAULT, numbers
from training.quantum.circuit import Circuit, Gate, Observable, Weight
from training.quantum.expectations import expectations
from training.quantum.qdi import QDIOptions, qdi_circuit


@pytest.mark.parametrize("circuit", [ALL_GATES, DEFAULT])
def test_gradients_are_those_of_the_trainings_simulator(circuit):
    x, weights = numbers(circuit, 2)
    for sample in x:
        inputs = weights.clone().requires_grad_()
        values = expectations(circuit, sample[None], inputs)[0]
        slopes = [torch.autograd.grad(value, inputs, retain_graph=True)[0] for value in values]
        ours = output_gradients(circuit, sample[None], weights)[0]
        torch.testing.assert_close(ours, torch.stack(slopes), rtol=0, atol=1e-12)


def test_weights_behind_the_light_cone_have_no_effect():
    gates = (Gate("ry", (0,), Weight(0)), Gate("cz", (0, 1)), Gate("rx", (1,), Weight(1)))
    circuit = Circuit(2, 0, 2, gates, (Observable("z", 0), Observable("z", 1)))
    gradients = output_gradients(circuit, *numbers(circuit))
    assert without_effect(gradients) == [[1], [0]]


def test_gradients_vanish_with_more_qubits():
    variances = [gradient_variance(qdi_circuit(QDIOptions(n, n)), 0, 100) for n in (2, 4, 6)]
    ratios = [later / earlier for earlier, later in pairwise(variances)]
    assert all(0.1 < ratio < 0.5 for ratio in ratios)


def test_one_rotation_has_the_variance_of_a_sine():
    circuit = Circuit(1, 0, 1, (Gate("ry", (0,), Weight(0)),), (Observable("z", 0),))
    assert gradient_variance(circuit, 0, 20000) == pytest.approx(0.5, abs=0.01)
