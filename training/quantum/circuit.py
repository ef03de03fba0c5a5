"""A parametrised quantum circuit as data: gates, angles and what is measured."""

from dataclasses import dataclass

FIXED_GATES = {"h": 1, "x": 1, "y": 1, "z": 1, "s": 1, "sdg": 1, "cx": 2, "cz": 2}
ROTATIONS = {"rx": "X", "ry": "Y", "rz": "Z", "ixx": "XX", "iyy": "YY", "izz": "ZZ"}
PAULIS = ("x", "y", "z")


class CircuitError(ValueError):
    """A circuit that cannot be run as it is described."""


@dataclass(frozen=True)
class Input:
    """The angle of a gate is the feature with this index."""

    index: int


@dataclass(frozen=True)
class Weight:
    """The angle of a gate is the trainable weight with this index."""

    index: int


Angle = Input | Weight | float


@dataclass(frozen=True)
class Gate:
    """One gate; rotations are exp(−i·angle/2·P) with P a product of Pauli operators.

    Two-qubit rotations are named ``ixx``, ``iyy`` and ``izz``; ``cx`` takes (control, target).
    """

    name: str
    qubits: tuple[int, ...]
    angle: Angle | None = None

    def __post_init__(self) -> None:
        if self.name not in FIXED_GATES and self.name not in ROTATIONS:
            known = ", ".join([*FIXED_GATES, *ROTATIONS])
            raise CircuitError(f"gate {self.name!r} is not known; the gates are {known}")
        n_qubits = FIXED_GATES.get(self.name) or len(ROTATIONS[self.name])
        if len(self.qubits) != n_qubits or len(set(self.qubits)) != n_qubits:
            raise CircuitError(f"gate {self.name} takes {n_qubits} different qubits: {self.qubits}")
        if (self.angle is None) == (self.name in ROTATIONS):
            needs = "needs an angle" if self.name in ROTATIONS else "takes no angle"
            raise CircuitError(f"gate {self.name} on {self.qubits} {needs}")
        if isinstance(self.angle, Input) and n_qubits != 1:
            raise CircuitError(f"features enter by rotations of one qubit, not by {self.name}")


@dataclass(frozen=True)
class Observable:
    """A Pauli operator on one qubit."""

    pauli: str
    qubit: int

    def __post_init__(self) -> None:
        if self.pauli not in PAULIS:
            raise CircuitError(f"observable {self.pauli!r} is not one of {', '.join(PAULIS)}")


@dataclass(frozen=True)
class Circuit:
    """Gates applied to |0…0⟩ in order, then one expectation value per observable.

    Qubit 0 is the most significant bit of a basis state's index. Every qubit is measured along one
    axis at most, as in one run of a device; other axes are another circuit.
    """

    n_qubits: int
    n_features: int
    n_weights: int
    gates: tuple[Gate, ...]
    observables: tuple[Observable, ...]

    def __post_init__(self) -> None:
        if self.n_qubits < 1:
            raise CircuitError(f"a circuit needs at least one qubit, not {self.n_qubits}")
        for gate in self.gates:
            self._check_gate(gate)
        qubits = [observable.qubit for observable in self.observables]
        if not qubits or len(set(qubits)) != len(qubits):
            raise CircuitError(f"observables need at least one qubit, each once: {qubits}")
        if not set(qubits) <= set(range(self.n_qubits)):
            raise CircuitError(f"observables on qubits {qubits} of {self.n_qubits} qubits")

    def _check_gate(self, gate: Gate) -> None:
        if not all(0 <= qubit < self.n_qubits for qubit in gate.qubits):
            raise CircuitError(f"{gate.name} on qubits {gate.qubits} of {self.n_qubits} qubits")
        if isinstance(gate.angle, Input) and not 0 <= gate.angle.index < self.n_features:
            raise CircuitError(f"{gate.name} reads feature {gate.angle.index} of {self.n_features}")
        if isinstance(gate.angle, Weight) and not 0 <= gate.angle.index < self.n_weights:
            raise CircuitError(f"{gate.name} reads weight {gate.angle.index} of {self.n_weights}")
