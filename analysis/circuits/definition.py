"""A circuit file's content: the circuit by options or gate by gate, and how it grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cuprolith.settings import Listed, Seed, Settings
from training.quantum.circuit import (
    Angle,
    Circuit,
    Gate,
    Input,
    Observable,
    Operation,
    Weight,
)
from training.quantum.qdi import QDIOptions, qdi_circuit
from training.variants.allegro_qdi import QDICircuitSettings

# The supported numbers of qubits: a state of 10 has 1,024 amplitudes.
MOST_QUBITS = 10

Index = Annotated[int, Field(ge=0, le=999)]
Qubit = Annotated[int, Field(ge=0, lt=MOST_QUBITS)]
Draws = Annotated[int, Field(ge=2, le=100_000)]


class GateSettings(Settings):
    """One gate; a rotation has one of `input`, `weight` and `angle`."""

    gate: Literal[
        "h", "x", "y", "z", "s", "sdg", "cx", "cz", "rx", "ry", "rz", "ixx", "iyy", "izz"
    ] = Field(description="name; ixx, iyy and izz are rotations of two qubits")
    qubits: Annotated[tuple[Qubit, ...], Listed, Field(min_length=1, max_length=2)] = Field(
        description="qubits from 0; of cx the control first"
    )
    input: Index | None = Field(default=None, description="feature that is the angle, from 0")
    weight: Index | None = Field(default=None, description="weight that is the angle, from 0")
    angle: float | None = Field(default=None, description="the angle itself, rad")

    @model_validator(mode="after")
    def _is_a_gate(self) -> Self:
        if sum(value is not None for value in (self.input, self.weight, self.angle)) > 1:
            raise ValueError("give one of `input`, `weight` and `angle`")
        self.as_gate()
        return self

    def as_gate(self) -> Gate:
        """Return the gate."""
        angle: Angle | None = self.angle
        if self.input is not None:
            angle = Input(self.input)
        elif self.weight is not None:
            angle = Weight(self.weight)
        return Gate(self.gate, self.qubits, angle)


class ObservableSettings(Settings):
    """A Pauli operator on one qubit."""

    pauli: Literal["x", "y", "z"] = Field(description="axis that is measured")
    qubit: Qubit = Field(description="qubit from 0")


class AnalysisSettings(Settings):
    """How many random numbers each analysis uses."""

    seed: Seed = Field(default=0, description="of weights and inputs")
    fisher_draws: Draws = Field(default=40, description="weights for Fisher matrices")
    fisher_inputs: Draws = Field(default=100, description="inputs that a matrix is averaged over")
    layers: Annotated[int, Field(ge=1, le=8)] = Field(
        default=4, description="largest multiple of the circuit's layers, for the rank"
    )
    fourier_draws: Draws = Field(default=400, description="weights for Fourier coefficients")
    plateau_draws: Draws = Field(default=200, description="weights for variances of gradients")
    plateau_qubits: Annotated[int, Field(ge=2, le=MOST_QUBITS)] = Field(
        default=8, description="largest number of qubits, for variances of gradients"
    )
    state_draws: Draws = Field(
        default=5000, description="pairs of states for expressibility and entanglement"
    )


class CircuitFile(Settings):
    """A validated circuit file: `qdi`, or `gates` and `observables`."""

    name: Annotated[
        str, Field(max_length=80, pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?$")
    ] = Field(description="names the folder of its results")
    description: Annotated[str, Field(max_length=400)] = Field(
        default="", description="what the circuit is, for the page"
    )
    qdi: QDICircuitSettings | None = Field(
        default=None, description="a circuit of the quantum depth-infused layer"
    )
    gates: Annotated[tuple[GateSettings, ...], Listed] = Field(
        default=(), description="gates in order, if not `qdi`"
    )
    observables: Annotated[tuple[ObservableSettings, ...], Listed] = Field(
        default=(), description="what is measured, if not `qdi`"
    )
    analysis: AnalysisSettings = AnalysisSettings()

    @model_validator(mode="after")
    def _is_a_circuit(self) -> Self:
        if (self.qdi is None) == (not self.gates):
            raise ValueError("give either `qdi`, or `gates` and `observables`")
        if self.qdi is not None and self.observables:
            raise ValueError("remove `observables`: `qdi` has `observable` and `measurement`")
        self.circuit()
        return self

    def circuit(self) -> Circuit:
        """Return the circuit."""
        if self.qdi is not None:
            return qdi_circuit(QDIOptions(**self.qdi.options()))
        return _of_gates([gate.as_gate() for gate in self.gates], self.observables)

    def with_layers(self, times: int) -> Circuit:
        """Return the circuit with so many times its layers, each with weights of its own.

        A QDI circuit gets more columns of features; of any other, the gates are repeated, so that
        they read the same features again.
        """
        if times == 1:
            return self.circuit()
        if self.qdi is not None:
            options = QDIOptions(**self.qdi.options())
            columns = math.ceil(options.n_features / options.n_qubits)
            return qdi_circuit(replace(options, n_features=times * columns * options.n_qubits))
        once = self.circuit()
        gates = tuple(
            _shifted(gate, turn * once.n_weights) for turn in range(times) for gate in once.gates
        )
        return replace(once, n_weights=times * once.n_weights, gates=gates)

    def with_qubits(self, n_qubits: int, depth: int) -> Circuit | None:
        """Return a QDI circuit with other numbers, a feature per qubit; None for other circuits."""
        if self.qdi is None:
            return None
        options = QDIOptions(**self.qdi.options())
        return qdi_circuit(replace(options, n_features=n_qubits, n_qubits=n_qubits, depth=depth))


def _of_gates(gates: Sequence[Gate], observables: Sequence[ObservableSettings]) -> Circuit:
    """Return a circuit with as many qubits, features and weights as gates and observables name."""
    angles = [gate.angle for gate in gates]
    qubits = {qubit for gate in gates for qubit in gate.qubits}
    return Circuit(
        n_qubits=1 + max(qubits | {observable.qubit for observable in observables}),
        n_features=_number("input", [angle.index for angle in angles if isinstance(angle, Input)]),
        n_weights=_number("weight", [angle.index for angle in angles if isinstance(angle, Weight)]),
        gates=tuple(gates),
        observables=tuple(Observable(each.pauli, each.qubit) for each in observables),
    )


def _number(word: str, indices: Sequence[int]) -> int:
    """Return how many there are; refuse numbers that are left out."""
    number = 1 + max(indices, default=-1)
    if missing := sorted(set(range(number)) - set(indices)):
        raise ValueError(f"no gate reads {word} {missing[0]}: number them 0, 1, 2, …")
    return number


def _shifted(gate: Operation, by: int) -> Operation:
    if isinstance(gate, Gate) and isinstance(gate.angle, Weight):
        return replace(gate, angle=Weight(gate.angle.index + by))
    return gate
