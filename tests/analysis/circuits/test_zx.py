"""Phases that ZX-calculus keeps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis.circuits.draws import Draws
from analysis.circuits.gradients import output_gradients, without_effect
from analysis.circuits.states import states
from analysis.circuits.zx import _diagram, from_zero_state, measured, unitary
from tests.analysis.circuits.circuit_samples import ALL_GATES, DEFAULT, numbers
from training.quantum.circuit import Circuit, Gate, Observable, Weight
from training.quantum.qdi import QDIOptions, qdi_circuit


def with_numbers(circuit, x, weights):
    """Return the circuit with numbers in place of features and weights."""
    gates = []
    for gate in circuit.gates:
        if gate.angle is not None and not isinstance(gate.angle, float):
            values = weights if isinstance(gate.angle, Weight) else x
            gate = replace(gate, angle=float(values[gate.angle.index]))  # noqa: PLW2901
        gates.append(gate)
    return replace(circuit, n_features=0, n_weights=0, gates=tuple(gates))


@pytest.mark.parametrize("circuit", [ALL_GATES, DEFAULT])
def test_the_diagram_is_the_circuit(circuit):
    x, weights = numbers(circuit, 1)
    fixed = with_numbers(circuit, x[0], weights)
    state = states(fixed, torch.zeros(1, 0), torch.zeros(0, dtype=torch.float64))[0].numpy()
    column = _diagram(fixed).to_matrix()[:, 0]
    assert abs(np.vdot(state, column)) == pytest.approx(1, abs=1e-6)  # phases as fractions


@pytest.mark.parametrize(
    ("options", "before", "after", "on_zero"),
    [
        ({}, 28, 28, 28),
        ({"rotation": "y"}, 28, 28, 28),
        ({"rotation": "z"}, 28, 15, 0),
        ({"encoding": "x"}, 28, 15, 15),
        ({"entangling": "strong", "depth": 1}, 28, 24, 20),
    ],
)
def test_phases_of_qdi_circuits(options, before, after, on_zero):
    circuit = qdi_circuit(QDIOptions(**options))
    reduced = unitary(circuit)
    assert (reduced.phases_before, reduced.phases_after) == (before, after)
    assert from_zero_state(circuit).phases_after == on_zero


def test_equal_rotations_fuse():
    gates = tuple(Gate("rx", (0,), Weight(index)) for index in range(3))
    reduced = unitary(Circuit(1, 0, 3, gates, (Observable("z", 0),)))
    assert (reduced.phases_before, reduced.phases_after) == (3, 1)
    assert reduced.weights_after == (0, 1, 2)
    assert reduced.weight_phases_after == 1


def test_all_weights_of_the_default_circuit_stay_in_its_unitary():
    reduced = unitary(DEFAULT)
    assert reduced.weights_after == tuple(range(24))
    assert reduced.weight_phases_after == 24


def test_without_entanglers_three_weights_are_one():
    assert unitary(qdi_circuit(QDIOptions(entangling="none"))).weight_phases_after == 8


@pytest.mark.parametrize("options", [{}, {"entangling": "none"}, {"rotation": "y"}])
def test_weights_removed_with_the_observable_are_those_without_gradient(options):
    circuit = qdi_circuit(QDIOptions(**options))
    draws = Draws(0, "test")
    gradients = output_gradients(circuit, draws.inputs(circuit, 20), draws.weights(circuit, 20))
    for observable, without in zip(circuit.observables, without_effect(gradients), strict=True):
        kept = measured(circuit, observable).weights_after
        assert sorted(set(range(circuit.n_weights)) - set(kept)) == without
