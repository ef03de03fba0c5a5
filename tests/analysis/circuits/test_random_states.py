"""Entangling capability and expressibility of circuits for which they are known."""

import math

import pytest
import torch

from analysis.circuits.draws import Draws
from analysis.circuits.entanglement import haar_mean, meyer_wallach
from analysis.circuits.expressibility import N_BINS, divergence, fidelities, haar_shares
from analysis.circuits.states import states
from training.quantum.circuit import Circuit, Gate, Observable, Weight


def state_of(n_qubits, *gates):
    circuit = Circuit(n_qubits, 0, 0, gates, (Observable("z", 0),))
    return states(circuit, torch.zeros(1, 0), torch.zeros(0, dtype=torch.float64))


def test_product_states_are_not_entangled():
    state = state_of(3, Gate("ry", (0,), 0.3), Gate("rx", (1,), 1.2), Gate("h", (2,)))
    assert meyer_wallach(state).item() == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("n_qubits", [2, 3, 5])
def test_ghz_states_are_maximally_entangled(n_qubits):
    chain = [Gate("cx", (qubit, qubit + 1)) for qubit in range(n_qubits - 1)]
    state = state_of(n_qubits, Gate("h", (0,)), *chain)
    assert meyer_wallach(state).item() == pytest.approx(1, abs=1e-14)


def test_a_bell_pair_beside_a_free_qubit():
    # two of three qubits are maximally mixed
    state = state_of(3, Gate("h", (0,)), Gate("cx", (0, 2)))
    assert meyer_wallach(state).item() == pytest.approx(2 / 3, abs=1e-14)


def test_random_states_have_the_known_mean():
    generator = torch.Generator().manual_seed(0)
    parts = torch.randn(4000, 16, 2, generator=generator, dtype=torch.float64)
    random = torch.nn.functional.normalize(torch.view_as_complex(parts), dim=1)
    assert meyer_wallach(random).mean().item() == pytest.approx(haar_mean(4), abs=0.004)


def one_qubit(*names):
    gates = [Gate("h", (0,))]
    gates += [Gate(name, (0,), Weight(index)) for index, name in enumerate(names)]
    return Circuit(1, 0, len(names), tuple(gates), (Observable("z", 0),))


def test_expressibility_of_a_circle_of_states():
    # Fidelities of H·RZ are cos²(δ/2), δ uniform: the arcsine distribution.
    edges = torch.linspace(0, 1, N_BINS + 1, dtype=torch.float64)
    shares = (2 / math.pi * torch.asin(edges.sqrt())).diff()
    exact = (shares * torch.log(shares * N_BINS)).sum().item()
    found = divergence(fidelities(one_qubit("rz"), 0, 50000), 1)
    assert found == pytest.approx(exact, abs=0.01)


def test_expressibility_of_a_circuit_without_weights():
    # All fidelities are 1: the logarithm of the number of bins.
    assert divergence(fidelities(one_qubit(), 0, 100), 1) == pytest.approx(math.log(N_BINS))


def test_expressibility_of_more_rotations_is_better():
    found = [divergence(fidelities(one_qubit(*names), 0, 20000), 1)
             for names in (["rz"], ["rz", "rx"])]  # fmt: skip
    assert found[1] < 0.03 < found[0]


@pytest.mark.parametrize("n_qubits", [1, 4])
def test_shares_of_random_states_are_a_distribution(n_qubits):
    shares = haar_shares(n_qubits)
    assert shares.sum().item() == pytest.approx(1)
    assert (shares > 0).all()


def test_draws_are_the_same_again_and_differ_by_purpose():
    circuit = one_qubit("rz", "rx")
    first, again, other = (Draws(1, name).weights(circuit, 5) for name in ("a", "a", "b"))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
