"""Fourier coefficients, against PennyLane and known functions."""

import math

import numpy as np
import pennylane as qml
import pytest
import torch

from analysis.circuits import fourier
from analysis.circuits.fourier import count_terms, fourier_coefficients, grid_shape, parts
from analysis.circuits.states import expectation_values, states
from tests.analysis.circuits.circuit_samples import ALL_GATES, DEFAULT, numbers
from training.quantum.circuit import Circuit, CircuitError, Gate, Input, Observable, Weight
from training.quantum.pennylane_circuit import pennylane_qnode
from training.quantum.qdi import QDIOptions, qdi_circuit


@pytest.mark.parametrize("circuit", [ALL_GATES, qdi_circuit(QDIOptions(3, 3, 1))])
def test_coefficients_are_pennylanes(circuit):
    _, weights = numbers(circuit)
    qnode = pennylane_qnode(circuit)
    degree = tuple(n // 2 for n in grid_shape(circuit))
    ours = fourier_coefficients(circuit, weights)
    for output in range(len(circuit.observables)):

        def value(x, output=output):
            return float(qnode(torch.as_tensor(np.asarray(x)), weights)[output])

        reference = qml.fourier.coefficients(value, len(degree), degree)
        np.testing.assert_allclose(ours[output].numpy(), reference, rtol=0, atol=1e-12)


def test_coefficients_give_the_function_everywhere():
    x, weights = numbers(ALL_GATES, 20)
    coefficients = fourier_coefficients(ALL_GATES, weights)
    frequencies = [torch.fft.fftfreq(n, 1 / n, dtype=torch.float64) for n in grid_shape(ALL_GATES)]
    waves = torch.exp(1j * (x @ torch.cartesian_prod(*frequencies).t()))
    summed = (waves @ coefficients.flatten(1).t()).real
    values = expectation_values(ALL_GATES, states(ALL_GATES, x, weights))
    torch.testing.assert_close(summed, values, rtol=0, atol=1e-12)


def test_one_rotation_is_a_cosine():
    circuit = Circuit(1, 1, 0, (Gate("ry", (0,), Input(0)),), (Observable("z", 0),))
    coefficients = fourier_coefficients(circuit, torch.zeros(0, dtype=torch.float64))
    torch.testing.assert_close(
        coefficients[0], torch.tensor([0, 0.5, 0.5], dtype=torch.complex128), rtol=0, atol=1e-15
    )


def test_terms_of_the_default_circuit_are_those_of_the_papers_count():
    draws = 2 * math.pi * torch.rand(10, 24, dtype=torch.float64)
    terms = count_terms(torch.stack([fourier_coefficients(DEFAULT, w) for w in draws]), (1e-3,))
    assert terms.n_terms == 161
    assert terms.nonzero == [159, 161, 161, 161]
    assert terms.frequencies == [81] * 4
    assert terms.above[1e-3].shape == (10, 4)
    assert (terms.above[1e-3] <= torch.tensor(terms.nonzero)).all()


def test_parts_are_all_numbers_of_the_coefficients():
    _, weights = numbers(ALL_GATES)
    coefficients = fourier_coefficients(ALL_GATES, weights)
    assert parts(coefficients).shape == (3, 2 * 15 - 1)
    assert coefficients[:, 0, 0].imag.abs().max() < 1e-15


def test_features_that_enter_twice_have_frequency_two():
    gates = (Gate("rx", (0,), Input(0)), Gate("ry", (0,), Weight(0)), Gate("rx", (0,), Input(0)))
    circuit = Circuit(1, 1, 1, gates, (Observable("z", 0),))
    coefficients = fourier_coefficients(circuit, torch.tensor([0.8], dtype=torch.float64))
    assert coefficients.shape == (1, 5)
    assert abs(coefficients[0, 2]) > 0.01


def test_too_many_frequencies_are_refused(monkeypatch):
    monkeypatch.setattr(fourier, "MOST_POINTS", 80)
    with pytest.raises(CircuitError, match="81 frequencies of 4 features are more than the 80"):
        fourier_coefficients(DEFAULT, torch.zeros(24, dtype=torch.float64))
