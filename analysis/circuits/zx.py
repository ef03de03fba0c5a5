"""Redundancy of a circuit's phases by ZX-calculus (pyzx)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pyzx
from pyzx.symbolic import new_var

from training.quantum.circuit import (
    ROTATIONS,
    Circuit,
    CircuitError,
    Gate,
    Input,
    Observable,
    PauliSum,
    Weight,
)

_FIXED = {"h": "HAD", "x": "NOT", "z": "Z", "s": "S", "cx": "CNOT", "cz": "CZ"}
_HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Reduction:
    """A diagram before and after ``pyzx.full_reduce``.

    Attributes
    ----------
    before, after
        pyzx graphs.
    phases_before, phases_after
        Numbers of phases that are no multiple of π/2.
    weight_phases_after
        Phases that depend on weights: weights that only count as a sum are one phase.
    weights_after
        Weights that are still in a phase.
    """

    before: Any
    after: Any
    phases_before: int
    phases_after: int
    weight_phases_after: int
    weights_after: tuple[int, ...]


def unitary(circuit: Circuit) -> Reduction:
    """Reduce the circuit as a unitary, every weight and every feature a phase of its own.

    The phases are symbols, so that only what holds for all values is removed.

    Raises
    ------
    CircuitError
        If the circuit has an operation that ZX-calculus has no spider for.
    """
    return _reduced(_diagram(circuit).to_graph())


def from_zero_state(circuit: Circuit) -> Reduction:
    """Reduce the circuit applied to |0…0⟩."""
    graph = _diagram(circuit).to_graph()
    graph.apply_state("0" * circuit.n_qubits)
    return _reduced(graph)


def measured(circuit: Circuit, observable: Observable | PauliSum) -> Reduction:
    """Reduce ⟨0|U†·O·U|0⟩, in which weights behind the light cone of O cancel.

    Every phase is in it twice, as θ and −θ. Reduction does not find all weights without effect;
    `gradients.without_effect` does.
    """
    if not isinstance(observable, Observable):
        raise CircuitError(f"ZX-calculus: no gate for {type(observable).__name__}")
    forward = _diagram(circuit)
    whole = pyzx.Circuit(circuit.n_qubits)
    for gate in forward.gates:
        whole.add_gate(gate)
    _add_fixed(whole, observable.pauli, (observable.qubit,))
    for gate in forward.adjoint().gates:
        whole.add_gate(gate)
    graph = whole.to_graph()
    graph.apply_state("0" * circuit.n_qubits)
    graph.apply_effect("0" * circuit.n_qubits)
    return _reduced(graph)


def _reduced(graph: Any) -> Reduction:
    after = graph.copy()
    pyzx.full_reduce(after)
    weights = _weights_in_phases(after)
    return Reduction(
        before=graph,
        after=after,
        phases_before=pyzx.tcount(graph),
        phases_after=pyzx.tcount(after),
        weight_phases_after=len(weights),
        weights_after=tuple(sorted(set().union(*weights))),
    )


def _weights_in_phases(graph: Any) -> list[set[int]]:
    """Return the weights in each phase that has some."""
    found = []
    for vertex in graph.vertices():
        phase = graph.phase(vertex)
        symbols = [str(each) for each in phase.free_vars()] if hasattr(phase, "free_vars") else []
        found.append({int(name[1:]) for name in symbols if name.startswith("θ")})
    return [weights for weights in found if weights]


def _diagram(circuit: Circuit) -> Any:
    diagram = pyzx.Circuit(circuit.n_qubits)
    for gate in circuit.gates:
        if not isinstance(gate, Gate):
            raise CircuitError(f"ZX-calculus: no spiders for {type(gate).__name__}")
        if gate.name in ROTATIONS:
            _add_rotation(diagram, ROTATIONS[gate.name], gate.qubits, _phase(gate))
        else:
            _add_fixed(diagram, gate.name, gate.qubits)
    return diagram


def _phase(gate: Gate) -> Any:
    """Return the phase in units of π: a symbol for a weight or a feature."""
    if isinstance(gate.angle, Weight):
        return new_var(f"θ{gate.angle.index}", is_bool=False)
    if isinstance(gate.angle, Input):
        return new_var(f"x{gate.angle.index}", is_bool=False)
    if isinstance(gate.angle, float | int):
        return Fraction(gate.angle / math.pi).limit_denominator(10**9)
    raise CircuitError(f"ZX-calculus: no phase for {gate.angle}")


def _add_fixed(diagram: Any, name: str, qubits: Sequence[int]) -> None:
    if name == "y":  # up to a phase
        diagram.add_gate("Z", *qubits)
        diagram.add_gate("NOT", *qubits)
    elif name == "sdg":
        diagram.add_gate("S", *qubits, adjoint=True)
    else:
        diagram.add_gate(_FIXED[name], *qubits)


def _add_rotation(diagram: Any, letters: str, qubits: Sequence[int], phase: Any) -> None:
    """Add exp(−iθ/2·P): RZ of the parity of the qubits, between changes of their bases."""
    for letter, qubit in zip(letters, qubits, strict=True):
        if len(letters) == 1 and letter == "X":
            diagram.add_gate("XPhase", qubit, phase=phase)
            return
        _change_basis(diagram, letter, qubit, -1)
    for control, target in pairwise(qubits):
        diagram.add_gate("CNOT", control, target)
    diagram.add_gate("ZPhase", qubits[-1], phase=phase)
    for control, target in reversed(list(pairwise(qubits))):
        diagram.add_gate("CNOT", control, target)
    for letter, qubit in zip(letters, qubits, strict=True):
        _change_basis(diagram, letter, qubit, 1)


def _change_basis(diagram: Any, letter: str, qubit: int, sign: int) -> None:
    """Turn Z into X or Y (sign 1), or back."""
    if letter == "X":
        diagram.add_gate("HAD", qubit)
    elif letter == "Y":  # RX(π/2) turns Y into Z
        diagram.add_gate("XPhase", qubit, phase=-sign * _HALF)
