"""A circuit as few large steps: blocks of weight-only gates, row moves, diagonal encodings."""

from dataclasses import dataclass, field

from training.quantum.circuit import Circuit, CircuitError, Gate, Input, Observable, ScaledInput

# One block holds the whole circuit up to this many qubits; beyond, blocks of fewer qubits cost less
# than matrices of all of them.
DENSE_QUBITS = 5
BLOCK_QUBITS = 4

# A gate of basis change before and after RZ turns it into RX or RY.
TO_Z = {"rx": ("h",), "ry": ("sdg", "h"), "rz": (), "x": ("h",), "y": ("sdg", "h"), "z": ()}
FROM_Z = {"rx": ("h",), "ry": ("h", "s"), "rz": ()}


@dataclass
class Block:
    """Gates on a few qubits, to become one matrix."""

    qubits: set[int]
    gates: list[Gate] = field(default_factory=list)


@dataclass(frozen=True)
class Encoding:
    """The RZ rotations of one encoding layer: (qubit, feature), in the order of qubits."""

    rotations: tuple[tuple[int, int], ...]


@dataclass
class Schedule:
    """Weight-only gates between encodings: segment, encoding, segment, …, segment.

    The last segment ends with the observables' changes of basis, so that all are Pauli Z.
    """

    segments: list[list[Gate]]
    encodings: list[Encoding]


def schedule(circuit: Circuit) -> Schedule:
    """Sort gates into as few encoding layers as their order on each qubit allows.

    Raises
    ------
    CircuitError
        If the circuit has operations, inputs or observables that only `StateVectors` runs.
    """
    segments: list[list[Gate]] = [[]]
    layers: list[list[tuple[int, int]]] = []
    segment_of = [0] * circuit.n_qubits
    encoded = [False] * circuit.n_qubits  # nothing but encodings since that segment

    def place(gate: Gate) -> None:
        index = max(segment_of[qubit] + encoded[qubit] for qubit in gate.qubits)
        segments[index].append(gate)
        for qubit in gate.qubits:
            segment_of[qubit], encoded[qubit] = index, False

    def encode(qubit: int, feature: int) -> None:
        if segment_of[qubit] == len(layers):
            layers.append([])
            segments.append([])
        layers[segment_of[qubit]].append((qubit, feature))
        encoded[qubit] = True

    for gate in circuit.gates:
        if not isinstance(gate, Gate) or isinstance(gate.angle, ScaledInput):
            raise CircuitError(f"{gate.name} on {gate.qubits}: run this circuit by StateVectors")
        if not isinstance(gate.angle, Input):
            place(gate)
            continue
        (qubit,) = gate.qubits
        for name in TO_Z[gate.name]:
            place(Gate(name, gate.qubits))
        encode(qubit, gate.angle.index)
        for name in FROM_Z[gate.name]:
            place(Gate(name, gate.qubits))
    # Basis changes come last, in any segment that their qubit has reached.
    for observable in circuit.observables:
        if not isinstance(observable, Observable):
            raise CircuitError("a sum of Pauli products: run this circuit by StateVectors")
        segments[-1] += [Gate(name, (observable.qubit,)) for name in TO_Z[observable.pauli]]
    return Schedule(segments, [Encoding(tuple(sorted(layer))) for layer in layers])


def fuse(gates: list[Gate], n_qubits: int) -> list[Block | list[Gate]]:
    """Return blocks, and between them the lists of gates that only move amplitudes (CNOT, X)."""
    if n_qubits <= DENSE_QUBITS:
        return [Block(set(range(n_qubits)), gates)] if gates else []
    steps: list[Block | list[Gate]] = []
    for gate in gates:
        if gate.name in ("cx", "x"):
            if not steps or isinstance(steps[-1], Block):
                steps.append([])
            moves = steps[-1]
            assert isinstance(moves, list)
            moves.append(gate)
        else:
            _join(steps, gate)
    return steps


def _join(steps: list[Block | list[Gate]], gate: Gate) -> None:
    """Put a gate into the first block that comes late enough and has room."""
    qubits = set(gate.qubits)
    for step in steps[_first_allowed(steps, qubits) :]:
        if isinstance(step, Block) and len(step.qubits | qubits) <= BLOCK_QUBITS:
            step.qubits |= qubits
            step.gates.append(gate)
            return
    steps.append(Block(qubits, [gate]))


def _first_allowed(steps: list[Block | list[Gate]], qubits: set[int]) -> int:
    """Index of the last block on the qubits, or of what follows the last move."""
    for index in range(len(steps) - 1, -1, -1):
        step = steps[index]
        if isinstance(step, list):
            return index + 1
        if step.qubits & qubits:
            return index
    return 0
