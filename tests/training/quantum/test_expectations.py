"""Derivatives, chunks, tracing, states and Fourier coefficients of the torch simulator."""

import pytest
import torch
from circuit_states import fourier_coefficients, statevector
from random_circuits import derivatives, random_circuit
from torch.autograd import gradcheck, gradgradcheck
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils.stateless import _reparametrize_module

from training.quantum import expectations as module
from training.quantum import simulator
from training.quantum.circuit import Circuit, Gate, Input, Observable
from training.quantum.expectations import expectation_differences, expectations
from training.quantum.pennylane_circuit import pennylane_qnode
from training.quantum.qdi import QDIOptions, qdi_circuit
from training.quantum.simulator import CircuitSimulator

ONE_ENCODING = qdi_circuit(QDIOptions(n_features=4))
PARTLY_ENCODED = qdi_circuit(QDIOptions(n_features=3, depth=1, encoding="y", entangling="strong"))
RE_UPLOADING = qdi_circuit(QDIOptions(n_features=5, n_qubits=2, depth=1, observable="x"))
MANY_QUBITS = qdi_circuit(QDIOptions(n_features=9, n_qubits=8, depth=1))
CIRCUITS = {
    "one encoding": ONE_ENCODING,
    "partly encoded": PARTLY_ENCODED,
    "re-uploading": RE_UPLOADING,
}


def inputs(circuit, n=4, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, circuit.n_features, generator=generator, dtype=torch.float64)
    weights = 6 * torch.rand(circuit.n_weights, generator=generator, dtype=torch.float64)
    return x.to(dtype).requires_grad_(), weights.to(dtype).requires_grad_()


@pytest.fixture(params=CIRCUITS)
def circuit(request):
    return CIRCUITS[request.param]


def test_first_and_second_derivatives_against_finite_differences(circuit):
    def run(x, weights):
        return expectation_differences(circuit, x, weights)

    assert gradcheck(run, inputs(circuit, 2))
    assert gradgradcheck(run, inputs(circuit, 2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", range(8))
def test_differences_are_exactly_zero_at_zero(seed, dtype):
    circuit = random_circuit(seed)
    x, weights = inputs(circuit, dtype=dtype)
    differences = expectation_differences(circuit, torch.zeros_like(x), weights)
    assert torch.equal(differences, torch.zeros_like(differences))


def test_differences_keep_their_precision_near_zero():
    x, weights = inputs(ONE_ENCODING)
    tiny = 1e-6 * x.detach()
    exact = expectation_differences(ONE_ENCODING, tiny, weights)
    single = expectation_differences(ONE_ENCODING, tiny.float(), weights.float())
    torch.testing.assert_close(
        single.double(), exact, rtol=1e-4, atol=1e-5 * float(exact.abs().max())
    )


def test_float32_is_close_to_float64(circuit):
    x, weights = inputs(circuit, 50)
    exact = expectations(circuit, x, weights)
    exact = [exact, *derivatives(exact, x, weights, 0)]
    x, weights = inputs(circuit, 50, torch.float32)
    single = expectations(circuit, x, weights)
    single = [single, *derivatives(single, x, weights, 0)]
    for ours, expected in zip(single, exact, strict=True):
        scale = max(1.0, float(expected.abs().max()))
        torch.testing.assert_close(ours.double(), expected, rtol=0, atol=3e-5 * scale)


@pytest.mark.parametrize("n", [0, 1, 7])
def test_chunks_give_what_one_chunk_gives(circuit, n, monkeypatch):
    x, weights = inputs(circuit, n)
    whole = expectations(circuit, x, weights)
    whole = [whole, *derivatives(whole, x, weights, 0)]
    monkeypatch.setattr(simulator, "POLYNOMIAL_CHUNK", {"cpu": 3})
    monkeypatch.setattr(module._simulator(circuit, x.dtype, x.device), "state_chunk", 3)
    chunks = expectations(circuit, x, weights)
    chunks = [chunks, *derivatives(chunks, x, weights, 0)]
    for chunk, expected in zip(chunks, whole, strict=True):
        torch.testing.assert_close(chunk, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("n_features", [3, 4], ids=["one encoding", "re-uploading"])
def test_values_and_gradients_trace_with_any_number_of_samples(n_features):
    circuit = qdi_circuit(QDIOptions(n_features, n_qubits=3, depth=1))
    simulator_ = CircuitSimulator(circuit, torch.float64)

    def run(buffers, x, weights):
        with _reparametrize_module(simulator_, buffers):
            values = simulator_.differences(x, weights)
        return values, torch.autograd.grad((values**2).sum(), x, create_graph=True)[0]

    buffers = dict(simulator_.named_buffers())
    traced = make_fx(run, tracing_mode="symbolic")(buffers, *inputs(circuit, 5))
    for n in (2, 11):
        given = inputs(circuit, n)
        expected = run(buffers, *given)
        torch.testing.assert_close(traced(buffers, *given), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("circuit_", [ONE_ENCODING, RE_UPLOADING, MANY_QUBITS])
def test_states_are_those_of_pennylane(circuit_):
    import pennylane as qml

    x, weights = inputs(circuit_)
    device = qml.device("default.qubit", wires=circuit_.n_qubits)
    tapes = [
        qml.workflow.construct_tape(pennylane_qnode(circuit_))(row, weights.detach())
        for row in x.detach()
    ]
    tapes = [qml.tape.QuantumScript(tape.operations, [qml.state()]) for tape in tapes]
    expected = torch.stack(device.execute(tapes))
    torch.testing.assert_close(
        statevector(circuit_, x, weights), expected, rtol=0, atol=1e-12, check_dtype=False
    )


@pytest.mark.parametrize("circuit_", [ONE_ENCODING, PARTLY_ENCODED])
def test_fourier_coefficients_sum_to_the_expectation_values(circuit_):
    x, weights = inputs(circuit_)
    coefficients = fourier_coefficients(circuit_, weights)
    for qubit in range(circuit_.n_features):
        waves = torch.exp(1j * x[:, qubit, None] * torch.tensor([-1.0, 0, 1]))
        if qubit == 0:
            coefficients = torch.einsum("qk...,nk->nq...", coefficients, waves)
        else:
            coefficients = torch.einsum("nqk...,nk->nq...", coefficients, waves)
    torch.testing.assert_close(coefficients.real, expectations(circuit_, x, weights))
    torch.testing.assert_close(coefficients.imag, torch.zeros_like(coefficients.imag))


def test_fourier_coefficients_number_what_the_supplement_counts():
    """161 real and imaginary parts of 3⁴ coefficients, except for the first qubit."""
    _, weights = inputs(ONE_ENCODING)
    coefficients = fourier_coefficients(ONE_ENCODING, weights)
    parts = torch.view_as_real(coefficients).flatten(1)
    assert (parts.abs() > 1e-12).sum(1).tolist() == [159, 161, 161, 161]


def test_features_that_share_a_qubit_add_up():
    gates = tuple(
        Gate(name, (0,), Input(index) if index is not None else None)
        for name, index in [("h", None), ("rz", 0), ("rz", 1)]
    )
    circuit = Circuit(1, 2, 0, gates, (Observable("x", 0),))
    x, weights = inputs(circuit)
    torch.testing.assert_close(expectations(circuit, x, weights)[:, 0], torch.cos(x.sum(1)))


def test_a_circuit_without_features_is_constant():
    circuit = Circuit(2, 1, 0, (Gate("h", (0,)), Gate("cx", (0, 1))), (Observable("z", 1),))
    x, weights = inputs(circuit)
    values = expectations(circuit, x, weights)
    torch.testing.assert_close(values, torch.zeros_like(values))


def test_a_circuit_may_have_nothing_but_a_feature():
    circuit = Circuit(1, 1, 0, (Gate("rx", (0,), Input(0)),), (Observable("z", 0),))
    x, weights = inputs(circuit)
    torch.testing.assert_close(expectations(circuit, x, weights), torch.cos(x))
    circuit = Circuit(1, 1, 0, (Gate("rz", (0,), Input(0)),), (Observable("z", 0),))
    torch.testing.assert_close(expectations(circuit, x, weights), torch.ones_like(x))


def test_third_derivatives_are_refused():
    x, weights = inputs(ONE_ENCODING)
    total = expectations(ONE_ENCODING, x, weights).sum()
    (first,) = torch.autograd.grad(total, x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    with pytest.raises(RuntimeError):
        torch.autograd.grad(second.sum(), x)
