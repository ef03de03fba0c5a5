"""Values, first and second derivatives of random circuits against PennyLane's default.qubit."""

import pytest
import torch
from random_circuits import derivatives, random_circuit

from training.quantum.expectations import expectations
from training.quantum.pennylane_circuit import pennylane_qnode

N_CIRCUITS = 200
EXACT = {"rtol": 0, "atol": 1e-10}


def inputs(circuit, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(3, circuit.n_features, generator=generator, dtype=torch.float64)
    weights = 6 * torch.rand(circuit.n_weights, generator=generator, dtype=torch.float64)
    return x.requires_grad_(), weights.requires_grad_()


def check(seed):
    circuit = random_circuit(seed)
    x, weights = inputs(circuit, seed)
    reference = torch.stack([v.expand(len(x)) for v in pennylane_qnode(circuit)(x, weights)], -1)
    values = expectations(circuit, x, weights)
    torch.testing.assert_close(values, reference, **EXACT)
    theirs = derivatives(reference, x, weights, seed)
    for ours, expected in zip(derivatives(values, x, weights, seed), theirs, strict=True):
        torch.testing.assert_close(ours, expected, **EXACT)


@pytest.mark.parametrize("seed", range(20))
def test_values_and_derivatives_agree(seed):
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, N_CIRCUITS))
def test_values_and_derivatives_agree_for_more_circuits(seed):
    check(seed)
