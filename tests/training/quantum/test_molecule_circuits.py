"""Symmetries, counts and limits of the molecules' circuits; random weights, float64."""

import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from training.quantum.circuit import CircuitError
from training.quantum.molecules import (
    bonded_dimer_circuit,
    diatomic_circuit,
    pair_orbits,
    printed_dimer_circuit,
    symmetric_circuit,
    triatomic_circuit,
    vqlm_circuit,
)
from training.quantum.pennylane_circuit import pennylane_qnode
from training.quantum.state_vectors import StateVectors

EXACT = {"rtol": 0, "atol": 1e-12}
# Of ammonia's three hydrogen atoms: all permutations, made of two.
AMMONIA = symmetric_circuit([[0, 1, 2]], [(1, 0, 2), (1, 2, 0)], depth=2)
# Of four vectors in two pairs that can be exchanged as wholes, as in hydrogen peroxide.
PEROXIDE = symmetric_circuit([[0, 1], [2, 3]], [(1, 0, 3, 2)], depth=1)

# Circuit, and the permutations of vectors that leave it as it is.
SYMMETRIC = {
    "diatomic": (diatomic_circuit(4), []),
    "triatomic": (triatomic_circuit(3), [(1, 0)]),
    "printed dimer": (
        printed_dimer_circuit(4, symmetry_breaking=False),
        [(0, 2, 1, 3, 4, 5), (0, 1, 2, 3, 5, 4), (3, 4, 5, 0, 1, 2)],
    ),
    "bonded dimer": (
        bonded_dimer_circuit(3),
        [(0, 2, 1, 3, 4, 5), (0, 1, 2, 3, 5, 4), (3, 4, 5, 0, 1, 2)],
    ),
    "ammonia": (AMMONIA, [(1, 0, 2), (1, 2, 0), (0, 2, 1)]),
    "peroxide": (PEROXIDE, [(1, 0, 3, 2)]),
}


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(params=SYMMETRIC)
def case(request):
    return SYMMETRIC[request.param]


def sample(circuit, seed=0, n=4):
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(n, circuit.n_features // 3, 3, generator=generator)
    return vectors, torch.randn(circuit.n_weights, generator=generator)


def value(circuit, vectors, weights):
    return StateVectors(circuit)(vectors.flatten(1), weights)[:, 0]


def rotation(seed=3):
    return torch.tensor(Rotation.random(random_state=seed).as_matrix())


def test_rotations_change_nothing(case):
    circuit, _ = case
    vectors, weights = sample(circuit)
    turned = vectors @ rotation().T
    expected = value(circuit, vectors, weights)
    torch.testing.assert_close(value(circuit, turned, weights), expected, **EXACT)
    assert expected.std() > 1e-3  # it does depend on the vectors


def test_inversion_changes_nothing(case):
    circuit, _ = case
    vectors, weights = sample(circuit)
    expected = value(circuit, vectors, weights)
    torch.testing.assert_close(value(circuit, -vectors, weights), expected, **EXACT)


def test_permutations_of_equal_atoms_change_nothing(case):
    circuit, permutations = case
    vectors, weights = sample(circuit)
    expected = value(circuit, vectors, weights)
    for permutation in permutations:
        found = value(circuit, vectors[:, list(permutation)], weights)
        torch.testing.assert_close(found, expected, **EXACT)


def test_other_permutations_do():
    """A control: else the test above could not fail."""
    for name, permutation in (("bonded dimer", (1, 0, 2, 3, 4, 5)), ("peroxide", (1, 0, 2, 3))):
        circuit, _ = SYMMETRIC[name]
        vectors, weights = sample(circuit)
        changed = value(circuit, vectors[:, list(permutation)], weights)
        assert (changed - value(circuit, vectors, weights)).abs().max() > 1e-3


def pair_turned(circuit, pair):
    """Largest change where one pair of vectors is rotated alone."""
    vectors, weights = sample(circuit)
    turned = vectors.clone()
    turned[:, pair] = vectors[:, pair] @ rotation().T
    return (value(circuit, turned, weights) - value(circuit, vectors, weights)).abs().max().item()


@pytest.mark.parametrize("pair", [[0, 3], [1, 2], [4, 5]])
def test_the_printed_dimer_is_blind_to_the_rotation_of_one_pair(pair):
    """Both oxygen atoms, or one molecule's hydrogen atoms: no O–H distance, no hydrogen bond."""
    assert pair_turned(printed_dimer_circuit(4, symmetry_breaking=False), pair) < 1e-12


@pytest.mark.parametrize("pair", [[0, 3], [1, 2], [4, 5]])
def test_the_bonded_dimer_sees_it(pair):
    assert pair_turned(bonded_dimer_circuit(3), pair) > 1e-2


def test_breaking_symmetry_keeps_rotations_about_z_and_permutations():
    circuit = triatomic_circuit(3, symmetry_breaking=True)
    vectors, weights = sample(circuit)
    expected = value(circuit, vectors, weights)
    about_z = torch.tensor(Rotation.from_euler("z", 0.8).as_matrix())
    torch.testing.assert_close(value(circuit, vectors @ about_z.T, weights), expected, **EXACT)
    torch.testing.assert_close(value(circuit, vectors[:, [1, 0]], weights), expected, **EXACT)
    assert (value(circuit, vectors @ rotation().T, weights) - expected).abs().max() > 1e-3


def test_the_ancilla_s_broken_symmetry_is_redundant():
    """Adding to its own weight what the layer's angle turns it by changes nothing else."""
    circuit = printed_dimer_circuit(2)
    rz = [gate for gate in circuit.gates if gate.name == "rz" and gate.qubits == (6,)]
    assert [len(gate.weights) for gate in rz] == [1] * 4  # two for each layer, one after the other


@pytest.mark.parametrize(
    ("circuit", "n_qubits", "n_weights"),
    [
        (diatomic_circuit(), 4, 67),
        (triatomic_circuit(), 4, 67),
        (triatomic_circuit(symmetry_breaking=True), 4, 78),
        (printed_dimer_circuit(), 7, 122),
        (vqlm_circuit(1, 13), 3, 94),
        (vqlm_circuit(3, 11), 3, 80),
    ],
)
def test_numbers_of_qubits_and_weights_are_the_paper_s(circuit, n_qubits, n_weights):
    used = {index for gate in circuit.gates for index in gate.weights}
    assert used == set(range(circuit.n_weights))
    assert (circuit.n_qubits, circuit.n_weights) == (n_qubits, n_weights)


@pytest.mark.parametrize(
    "circuit",
    [
        diatomic_circuit(2),
        triatomic_circuit(1, symmetry_breaking=True),
        printed_dimer_circuit(1),
        bonded_dimer_circuit(1),
        AMMONIA,
        vqlm_circuit(3, 2),
    ],
)
def test_pennylane_agrees(circuit):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, circuit.n_features, generator=generator)
    weights = torch.randn(circuit.n_weights, generator=generator)
    (reference,) = pennylane_qnode(circuit)(x, weights)
    found = StateVectors(circuit)(x, weights)[:, 0]
    torch.testing.assert_close(found, reference, rtol=0, atol=1e-10)


def test_a_value_without_couplings_is_that_of_the_initial_singlet():
    """With strengths 0 only the vectors' rotations are left: known for x₂ = −x₁."""
    circuit = diatomic_circuit(1)
    weights = torch.zeros(circuit.n_weights)
    weights[0] = 0.3
    vectors = torch.tensor([[[0.0, 0.0, 0.5], [0.0, 0.0, -0.5]]])
    # Two encodings turn qubit 0 by 4·0.3·0.5 about z and qubit 1 by as much the other way.
    expected = -1 - 2 * math.cos(2 * 4 * 0.3 * 0.5)
    assert value(circuit, vectors, weights).item() == pytest.approx(expected, abs=1e-12)


def test_orbits_of_pairs():
    """Three equal vectors: of one vector; both first qubits, both second; first and second."""
    orbits = pair_orbits(3, [(1, 0, 2), (1, 2, 0)])
    assert sorted(map(len, orbits)) == [3, 3, 3, 6]
    assert ((0, 1), (2, 3), (4, 5)) in orbits
    assert sum(map(len, pair_orbits(3, []))) == 15


def test_one_vector_is_refused():
    with pytest.raises(CircuitError, match="changes no singlet"):
        symmetric_circuit([[0]], [], 2)
