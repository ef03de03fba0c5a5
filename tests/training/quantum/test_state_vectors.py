"""Circuits on state vectors: against PennyLane, and rows of a Jacobian."""

import random

import pytest
import torch
from random_circuits import derivatives, random_circuit

from training.quantum.circuit import (
    PAULIS,
    Circuit,
    Gate,
    Heisenberg,
    Input,
    Observable,
    PauliProduct,
    PauliSum,
    ScaledInput,
    VectorRotation,
    Weight,
    exchange,
    singlet,
)
from training.quantum.expectations import expectations
from training.quantum.pennylane_circuit import pennylane_qnode
from training.quantum.state_vectors import StateVectors

N_CIRCUITS = 60
EXACT = {"rtol": 0, "atol": 1e-10}


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def vector(index):
    return tuple(Input(3 * index + axis) for axis in range(3))


def random_molecule_circuit(seed):
    """Operations in random order, each kind at least once; two vectors and a number go in."""
    rng = random.Random(seed)
    n_qubits, n_weights = rng.randint(3, 6), rng.randint(2, 6)

    def weight():
        return rng.choice([Weight(rng.randrange(n_weights)), rng.uniform(-1, 1)])

    def pairs():
        every = [(a, b) for b in range(n_qubits) for a in range(b)]
        return tuple(rng.sample(every, rng.randint(1, min(4, len(every)))))

    def vector_rotation():
        qubit, control = rng.sample(range(n_qubits), 2)
        control = rng.choice([None, control])
        return VectorRotation(qubit, vector(rng.randrange(2)), weight(), control)

    def scaled():
        angle = ScaledInput(6, Weight(rng.randrange(n_weights)))
        return Gate(rng.choice(["rx", "ry", "rz"]), (rng.randrange(n_qubits),), angle)

    def two_qubit():
        name = rng.choice(["ixx", "iyy", "izz", "cx", "cz"])
        angle = Weight(rng.randrange(n_weights)) if name.startswith("i") else None
        return Gate(name, tuple(rng.sample(range(n_qubits), 2)), angle)

    makers = [vector_rotation, scaled, two_qubit, lambda: Heisenberg(pairs(), weight())]
    gates = [make() for make in makers] + [rng.choice(makers)() for _ in range(12)]
    rng.shuffle(gates)
    z = tuple(Observable(rng.choice(PAULIS), q) for q in rng.sample(range(n_qubits), 2))
    return Circuit(
        n_qubits,
        7,
        n_weights,
        (*singlet(*rng.sample(range(n_qubits), 2)), *gates),
        (exchange(pairs()), PauliSum((PauliProduct(0.7, z), PauliProduct(-1.3, z[:1])))),
    )


def inputs(circuit, seed, n_samples=3):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n_samples, circuit.n_features, generator=generator)
    return x, 2 * torch.randn(circuit.n_weights, generator=generator)


def check(circuit, seed, x, weights):
    x, weights = x.requires_grad_(), weights.requires_grad_()
    reference = torch.stack([v.expand(len(x)) for v in pennylane_qnode(circuit)(x, weights)], -1)
    values = StateVectors(circuit)(x, weights)
    torch.testing.assert_close(values, reference, **EXACT)
    theirs = derivatives(reference, x, weights, seed)
    for ours, expected in zip(derivatives(values, x, weights, seed), theirs, strict=True):
        torch.testing.assert_close(ours, expected, **EXACT)


@pytest.mark.parametrize("seed", range(10))
def test_values_and_derivatives_agree_with_pennylane(seed):
    circuit = random_molecule_circuit(seed)
    check(circuit, seed, *inputs(circuit, seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, N_CIRCUITS))
def test_values_and_derivatives_agree_with_pennylane_for_more_circuits(seed):
    circuit = random_molecule_circuit(seed)
    check(circuit, seed, *inputs(circuit, seed))


@pytest.mark.parametrize("length", [0.0, 1e-12, 1e-7, 1e-3])
def test_vector_rotations_are_smooth_at_zero(length):
    circuit = random_molecule_circuit(3)
    x, weights = inputs(circuit, 3)
    check(circuit, 3, length * x, weights)


@pytest.mark.parametrize("seed", range(0, 12, 2))
def test_circuits_of_ordinary_gates_agree_with_the_other_executor(seed):
    circuit = random_circuit(seed)
    x, weights = inputs(circuit, seed)
    values = StateVectors(circuit)(x, weights)
    torch.testing.assert_close(values, expectations(circuit, x, weights), **EXACT)


@pytest.mark.parametrize("seed", range(6))
def test_one_backward_pass_gives_the_jacobian(seed):
    """With weights of each sample; the reference is torch's own Jacobian, row by row."""
    circuit = random_molecule_circuit(seed)
    x, weights = inputs(circuit, seed)
    run = StateVectors(circuit)
    own = weights.expand(len(x), -1).clone().requires_grad_()
    values = run(x, own)
    (rows,) = torch.autograd.grad(values[:, 0].sum(), own)
    expected = torch.autograd.functional.jacobian(lambda w: run(x, w)[:, 0], weights)
    torch.testing.assert_close(rows, expected, **EXACT)
    torch.testing.assert_close(values, run(x, weights), **EXACT)


def test_samples_with_different_weights_are_run_apart():
    circuit = random_molecule_circuit(1)
    x, weights = inputs(circuit, 1)
    own = torch.stack([weights, -weights, 0.3 * weights])
    run = StateVectors(circuit)
    apart = torch.cat([run(x[i : i + 1], own[i]) for i in range(3)])
    torch.testing.assert_close(run(x, own), apart, **EXACT)


def test_single_precision_agrees_with_double():
    circuit = random_molecule_circuit(2)
    x, weights = inputs(circuit, 2)
    expected = StateVectors(circuit)(x, weights)
    found = StateVectors(circuit).to(torch.float32)(x.float(), weights.float())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5)


def test_a_singlet_is_what_it_says():
    circuit = Circuit(2, 0, 0, singlet(1, 0), (exchange([(0, 1)]), Observable("z", 0)))
    values = StateVectors(circuit)(torch.zeros(1, 0), torch.zeros(0))
    torch.testing.assert_close(values, torch.tensor([[-3.0, 0.0]]), **EXACT)


def test_the_spectrum_of_an_exchange():
    """From −3 (singlet) to 1 (triplet): the paper prints [−1, 3]."""
    up = Circuit(2, 0, 0, (), (exchange([(0, 1)]),))
    assert StateVectors(up)(torch.zeros(1, 0), torch.zeros(0)).item() == pytest.approx(1)
