"""A parametrised quantum circuit as data: gates, angles and what is measured.

Every operation (`Gate`, `Heisenberg`, `VectorRotation`) says which `qubits` it acts on, and which
`inputs` and `weights` it reads, by index. Operations may read the same input again (data
re-uploading) or share a weight.
"""

from collections.abc import Iterable
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


@dataclass(frozen=True)
class ScaledInput:
    """The angle of a gate is a feature times a trainable weight, each by its index."""

    index: int
    scale: Weight


Angle = Input | ScaledInput | Weight | float


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
        if self.inputs and n_qubits != 1:
            raise CircuitError(f"features enter by rotations of one qubit, not by {self.name}")

    @property
    def inputs(self) -> tuple[int, ...]:
        """Indices of the features it reads."""
        return (self.angle.index,) if isinstance(self.angle, Input | ScaledInput) else ()

    @property
    def weights(self) -> tuple[int, ...]:
        """Indices of the weights it reads."""
        if isinstance(self.angle, ScaledInput):
            return (self.angle.scale.index,)
        return (self.angle.index,) if isinstance(self.angle, Weight) else ()


@dataclass(frozen=True)
class Heisenberg:
    """Exchange interactions of pairs of qubits with one strength J: exp(−iJ·Σ σ_a·σ_b).

    Interactions that share a qubit do not commute, so the exponential of their sum is not the
    product of theirs. The sum over all pairs of an orbit is equivariant under the permutations of
    the orbit, and every such sum is equivariant under rotations of all qubits.
    """

    pairs: tuple[tuple[int, int], ...]
    strength: Weight | float

    def __post_init__(self) -> None:
        distinct = {frozenset(pair) for pair in self.pairs}
        if not self.pairs or len(distinct) != len(self.pairs) or any(len(p) != 2 for p in distinct):
            raise CircuitError(f"exchange takes different pairs of different qubits: {self.pairs}")

    @property
    def name(self) -> str:
        """What to call it."""
        return "heisenberg"

    @property
    def qubits(self) -> tuple[int, ...]:
        """All qubits of the pairs, sorted."""
        return tuple(sorted({qubit for pair in self.pairs for qubit in pair}))

    @property
    def inputs(self) -> tuple[int, ...]:
        """None: it reads no features."""
        return ()

    @property
    def weights(self) -> tuple[int, ...]:
        """Indices of the weights it reads."""
        return (self.strength.index,) if isinstance(self.strength, Weight) else ()


@dataclass(frozen=True)
class VectorRotation:
    """A vector x of three features as a rotation of one qubit about it: exp(−iα·x·σ).

    With a `control` c it is exp(−iα·(x·σ)·X_c): for −x, it is that for x between two Z on c.
    """

    qubit: int
    vector: tuple[Input, Input, Input]
    scale: Weight | float
    control: int | None = None

    def __post_init__(self) -> None:
        if len(self.vector) != 3:
            raise CircuitError(f"a vector has three features, not {len(self.vector)}")
        if self.control == self.qubit:
            raise CircuitError(f"qubit {self.qubit} cannot control its own rotation")

    @property
    def name(self) -> str:
        """What to call it."""
        return "vector"

    @property
    def qubits(self) -> tuple[int, ...]:
        """The rotated qubit, then the control."""
        return (self.qubit,) if self.control is None else (self.qubit, self.control)

    @property
    def inputs(self) -> tuple[int, ...]:
        """Indices of the features it reads."""
        return tuple(component.index for component in self.vector)

    @property
    def weights(self) -> tuple[int, ...]:
        """Indices of the weights it reads."""
        return (self.scale.index,) if isinstance(self.scale, Weight) else ()


Operation = Gate | Heisenberg | VectorRotation


def singlet(first: int, second: int) -> tuple[Gate, ...]:
    """Return the gates that make |00⟩ of two qubits a singlet, (|01⟩ − |10⟩)/√2."""
    return (
        Gate("x", (first,)),
        Gate("x", (second,)),
        Gate("h", (first,)),
        Gate("cx", (first, second)),
    )


@dataclass(frozen=True)
class Observable:
    """A Pauli operator on one qubit."""

    pauli: str
    qubit: int

    def __post_init__(self) -> None:
        if self.pauli not in PAULIS:
            raise CircuitError(f"observable {self.pauli!r} is not one of {', '.join(PAULIS)}")

    @property
    def qubits(self) -> tuple[int, ...]:
        """The measured qubit."""
        return (self.qubit,)

    def __str__(self) -> str:
        """Operator and qubit: ``Y0``."""
        return f"{self.pauli.upper()}{self.qubit}"


@dataclass(frozen=True)
class PauliProduct:
    """A number times Pauli operators on different qubits, such as 0.5·X₀·Z₂."""

    coefficient: float
    factors: tuple[Observable, ...]

    def __post_init__(self) -> None:
        if not self.factors or len(set(self.qubits)) != len(self.factors):
            raise CircuitError(f"a product needs Pauli operators on different qubits: {self}")

    @property
    def qubits(self) -> tuple[int, ...]:
        """The measured qubits."""
        return tuple(factor.qubit for factor in self.factors)


@dataclass(frozen=True)
class PauliSum:
    """A sum of Pauli products. A device may need several runs to measure it."""

    terms: tuple[PauliProduct, ...]

    def __post_init__(self) -> None:
        if not self.terms:
            raise CircuitError("a sum of Pauli products needs a term")

    def __str__(self) -> str:
        """All products without their coefficients: ``X0·X1 + Y0·Y1``."""
        return " + ".join("·".join(map(str, term.factors)) for term in self.terms)

    @property
    def qubits(self) -> tuple[int, ...]:
        """All measured qubits, sorted."""
        return tuple(sorted({qubit for term in self.terms for qubit in term.qubits}))


def exchange(
    pairs: Iterable[tuple[int, int]], factors: tuple[Observable, ...] = (), coefficient: float = 1.0
) -> PauliSum:
    """Return the observable Σ σ_a·σ_b of pairs of qubits, times a number and other operators."""
    return PauliSum(
        tuple(
            PauliProduct(coefficient, (Observable(axis, a), Observable(axis, b), *factors))
            for a, b in pairs
            for axis in PAULIS
        )
    )


@dataclass(frozen=True)
class Circuit:
    """Gates applied to |0…0⟩ in order, then one expectation value per observable.

    Qubit 0 is the most significant bit of a basis state's index. Observables of single qubits
    measure every qubit along one axis at most, as in one run of a device; other axes are another
    circuit. This does not hold for sums.
    """

    n_qubits: int
    n_features: int
    n_weights: int
    gates: tuple[Operation, ...]
    observables: tuple[Observable | PauliSum, ...]

    def __post_init__(self) -> None:
        if self.n_qubits < 1:
            raise CircuitError(f"a circuit needs at least one qubit, not {self.n_qubits}")
        for gate in self.gates:
            self._check_gate(gate)
        if not self.observables:
            raise CircuitError("observables need at least one qubit, each once: []")
        single = [o.qubit for o in self.observables if isinstance(o, Observable)]
        if len(set(single)) != len(single):
            raise CircuitError(f"observables need at least one qubit, each once: {single}")
        qubits = sorted({qubit for observable in self.observables for qubit in observable.qubits})
        if not set(qubits) <= set(range(self.n_qubits)):
            raise CircuitError(f"observables on qubits {qubits} of {self.n_qubits} qubits")

    def _check_gate(self, gate: Operation) -> None:
        if not all(0 <= qubit < self.n_qubits for qubit in gate.qubits):
            raise CircuitError(f"{gate.name} on qubits {gate.qubits} of {self.n_qubits} qubits")
        for index in gate.inputs:
            if not 0 <= index < self.n_features:
                raise CircuitError(f"{gate.name} reads feature {index} of {self.n_features}")
        for index in gate.weights:
            if not 0 <= index < self.n_weights:
                raise CircuitError(f"{gate.name} reads weight {index} of {self.n_weights}")
