"""The QDI circuit's simulator against PennyLane, tensorcircuit-ng and deepquantum in one run.

``pytest tests/benchmarks/test_bench_quantum.py --benchmark-enable`` measures at full size, one
group per step and number of edges with the ratios of all. Peers that are not installed, and CUDA
where there is none, are skipped. Without the option the same code runs once on few edges.

``OMP_NUM_THREADS`` sets the number of threads. Everything is float32 (complex64); the double
backward step is that of a training on forces: the gradient with respect to inputs and weights of a
loss of the outputs' sum and of its gradient.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
import torch
from fresh_process import printed_number
from torch import Tensor

from training.quantum.circuit import Circuit, Input, Weight
from training.quantum.layer import QDILayer
from training.quantum.pennylane_circuit import pennylane_qnode
from training.quantum.qdi import QDIOptions, qdi_circuit

Run = Callable[[Tensor], Tensor]
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
CIRCUITS = {
    "4 qubits, 4 features, depth 3": {"n_features": 4},
    "4 qubits, 21 features, depth 4": {"n_features": 21, "depth": 4},
    "8 qubits, 8 features, depth 3": {"n_features": 8, "n_qubits": 8},
}


def ours(circuit: Circuit, options: dict, device: str) -> tuple[Run, list[Tensor]]:
    layer = QDILayer(QDIOptions(**options)).to(device)
    return layer, [layer.weights]


def pennylane(circuit: Circuit, options: dict, device: str) -> tuple[Run, list[Tensor]]:
    qnode = pennylane_qnode(circuit, diff_method="backprop")
    weights = torch.rand(circuit.n_weights, device=device).requires_grad_()
    return lambda x: torch.stack(qnode(x, weights), dim=-1).float(), [weights]


def tensorcircuit(circuit: Circuit, options: dict, device: str) -> tuple[Run, list[Tensor]]:
    tc = pytest.importorskip("tensorcircuit")
    backend = tc.set_backend("pytorch")
    tc.set_dtype("complex64")
    weights = torch.rand(circuit.n_weights, device=device).requires_grad_()

    def single(x: Tensor, weights: Tensor) -> Tensor:
        simulated = tc.Circuit(circuit.n_qubits)
        for gate in circuit.gates:
            apply = getattr(simulated, gate.name)
            if gate.angle is None:
                apply(*gate.qubits)
            else:
                source = x if isinstance(gate.angle, Input) else weights
                apply(*gate.qubits, theta=source[gate.angle.index])
        values = [
            simulated.expectation_ps(**{observable.pauli: [observable.qubit]})
            for observable in circuit.observables
        ]
        return torch.real(torch.stack(values))

    run = backend.vmap(single, vectorized_argnums=0)
    return lambda x: run(x, weights), [weights]


def deepquantum(circuit: Circuit, options: dict, device: str) -> tuple[Run, list[Tensor]]:
    dq = pytest.importorskip("deepquantum")
    simulated = dq.QubitCircuit(circuit.n_qubits)
    features = [gate.angle.index for gate in circuit.gates if isinstance(gate.angle, Input)]
    for gate in circuit.gates:
        if isinstance(gate.angle, Input):
            getattr(simulated, gate.name)(gate.qubits[0], encode=True)
        elif isinstance(gate.angle, Weight):
            getattr(simulated, gate.name)(gate.qubits[0])
        else:
            getattr(simulated, {"cx": "cnot"}[gate.name])(*gate.qubits)
    for observable in circuit.observables:
        simulated.observable(wires=observable.qubit, basis=observable.pauli)
    simulated.to(device)

    def run(x: Tensor) -> Tensor:
        simulated(data=x[:, features])
        return simulated.expectation()

    return run, list(simulated.parameters())


def forward(run: Run, weights: list[Tensor], x: Tensor) -> None:
    with torch.no_grad():
        run(x)


def backward(run: Run, weights: list[Tensor], x: Tensor) -> None:
    x = x.detach().requires_grad_()
    torch.autograd.grad(run(x).sum(), [x, *weights])


def double_backward(run: Run, weights: list[Tensor], x: Tensor) -> None:
    x = x.detach().requires_grad_()
    energies = run(x).sum(dim=1)
    (forces,) = torch.autograd.grad(energies.sum(), x, create_graph=True)
    torch.autograd.grad((forces**2).sum() + (energies**2).sum(), [x, *weights])


PEERS = [ours, pennylane, tensorcircuit, deepquantum]
STEPS = [forward, backward, double_backward]


def peak_mb(n_edges: int, circuit: str, peer: str) -> float:
    """Peak resident memory of one double backward step in a fresh process, less the start, MB."""
    script = (
        "import re, sys, torch; from pathlib import Path; import test_bench_quantum as bench\n"
        "status = Path('/proc/self/status')\n"
        "kb = lambda key: int(re.search(key + r':\\s*(\\d+)', status.read_text()).group(1))\n"
        "n_edges, name, peer = int(sys.argv[1]), sys.argv[2], getattr(bench, sys.argv[3])\n"
        "options = bench.CIRCUITS[name]; circuit = bench.qdi_circuit(bench.QDIOptions(**options))\n"
        "run, weights = peer(circuit, options, 'cpu')\n"
        "bench.double_backward(run, weights, torch.randn(10, circuit.n_features))\n"
        "x = torch.randn(n_edges, circuit.n_features)\n"
        "Path('/proc/self/clear_refs').write_text('5')\n"
        "before = kb('VmRSS')\n"
        "bench.double_backward(run, weights, x)\n"
        "print((kb('VmHWM') - before) / 1024)"
    )
    return printed_number(script, n_edges, circuit, peer)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("n_edges", [10_000, 100_000])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("peer", PEERS)
def test_default_circuit(benchmark, measuring, peer, step, n_edges, device):
    options = CIRCUITS["4 qubits, 4 features, depth 3"]
    circuit = qdi_circuit(QDIOptions(**options))
    run, weights = peer(circuit, options, device)
    x = torch.randn(n_edges if measuring else 20, circuit.n_features, device=device)
    benchmark.group = f"{step.__name__}, {n_edges:,} edges, {device}"

    def call() -> None:
        step(run, weights, x)
        if device == "cuda":
            torch.cuda.synchronize()

    benchmark.extra_info["threads"] = torch.get_num_threads()
    benchmark.pedantic(call, warmup_rounds=1, rounds=5 if measuring else 1)


@pytest.mark.parametrize("name", list(CIRCUITS)[1:])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("peer", [ours, pennylane])
def test_larger_circuits(benchmark, measuring, peer, step, name):
    options = CIRCUITS[name]
    circuit = qdi_circuit(QDIOptions(**options))
    run, weights = peer(circuit, options, "cpu")
    x = torch.randn(2_000 if measuring else 5, circuit.n_features)
    benchmark.group = f"{step.__name__}, {name}, 2,000 edges"
    benchmark.pedantic(step, (run, weights, x), warmup_rounds=1, rounds=3 if measuring else 1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("n_edges", [100_000, 1_000_000])
@pytest.mark.parametrize("name", CIRCUITS)
def test_peak_memory(benchmark, measuring, name, n_edges):
    if not measuring:
        if (n_edges, name) != (100_000, next(iter(CIRCUITS))):
            pytest.skip("the same code, at full size only")
        n_edges = 100
    peak = benchmark.pedantic(peak_mb, (n_edges, name, "ours"), rounds=1)
    benchmark.extra_info["peak_mb"] = round(peak)
