"""Circuits for molecules whose outputs have the molecule's symmetries (Le et al. 2023).

Vectors between atoms enter as rotations of qubits, so that a rotation of the molecule rotates all
qubits alike. What acts between encodings, and what is measured, commutes with these; the initial
state is made of singlets, which no rotation changes. Features are the components of the vectors,
three for each, in order; the first weights are the scales of the vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from training.quantum.circuit import (
    Circuit,
    CircuitError,
    Gate,
    Heisenberg,
    Input,
    Observable,
    Operation,
    PauliProduct,
    PauliSum,
    ScaledInput,
    VectorRotation,
    Weight,
    exchange,
    singlet,
)

Pair = tuple[int, int]
Orbit = tuple[Pair, ...]

_Z = "z"


class _Weights:
    """Numbers weights in the order in which they are asked for."""

    def __init__(self) -> None:
        self.count = 0

    def new(self) -> Weight:
        self.count += 1
        return Weight(self.count - 1)

    def several(self, number: int) -> list[Weight]:
        return [self.new() for _ in range(number)]


def diatomic_circuit(depth: int = 22, blocks: int = 1) -> Circuit:
    """Return the circuit for two atoms of different kinds, such as LiH (equations 10 to 13).

    Parameters
    ----------
    depth
        Trainable layers, with an encoding before each and after the last.
    blocks
        Repetitions of the gates in a layer (B).

    Returns
    -------
    Circuit
        4 qubits, which encode the two atoms' positions twice; 1 + 3·depth·blocks weights (67), the
        scale first. Its value is in [−3, 1] (the paper prints [−1, 3]).
    """
    return _two_vectors(depth, blocks, symmetry_breaking=False, pairs=((0, 1), (2, 3), (1, 2)))


def triatomic_circuit(
    depth: int = 11, blocks: int = 2, *, symmetry_breaking: bool = False
) -> Circuit:
    """Return the circuit for a molecule AB₂, such as water (equations 10 and 12 to 15).

    Parameters
    ----------
    depth, blocks
        As for `diatomic_circuit`.
    symmetry_breaking
        Whether a rotation of all qubits about z ends each layer: the value then depends on the
        molecule's orientation, and on which is its mirror image.

    Returns
    -------
    Circuit
        4 qubits; the vectors are those from A to both B. 1 + 3·depth·blocks weights (67), and
        `depth` more with `symmetry_breaking` (78). Its value is in [−3, 1].
    """
    return _two_vectors(
        depth, blocks, symmetry_breaking=symmetry_breaking, pairs=((0, 1), (2, 3), (1, 2), (0, 3))
    )


def _two_vectors(depth: int, blocks: int, *, symmetry_breaking: bool, pairs: Orbit) -> Circuit:
    weights = _Weights()
    scale = weights.new()
    strengths = [weights.several(3 * blocks) for _ in range(depth)]
    angles = weights.several(depth) if symmetry_breaking else []

    def trainable(layer: int) -> list[Operation]:
        gates: list[Operation] = []
        for block in range(blocks):
            first, second, third = strengths[layer][3 * block : 3 * block + 3]
            # The fourth pair is the mirror image of the third; the rightmost factor acts first.
            shared = dict(zip(pairs, (first, second, third, third), strict=False))
            gates += [Heisenberg((pair,), shared[pair]) for pair in reversed(pairs)]
        if angles:
            gates += [Gate("rz", (qubit,), angles[layer]) for qubit in range(4)]
        return gates

    encoding = [VectorRotation(qubit, _vector(qubit % 2), scale) for qubit in range(4)]
    return Circuit(
        n_qubits=4,
        n_features=6,
        n_weights=weights.count,
        gates=(*singlet(0, 1), *singlet(2, 3), *_re_uploaded(encoding, trainable, depth)),
        observables=(exchange([(0, 1)]),),
    )


def printed_dimer_circuit(depth: int = 30, *, symmetry_breaking: bool = True) -> Circuit:
    """Return the circuit for two molecules AB₂ as it is printed (equations 16 to 19).

    Without symmetry breaking it is blind: rotating one pair of vectors alone (both A; both B of one
    molecule) changes nothing, so it sees no A–B distance and no hydrogen bond. See
    `bonded_dimer_circuit`.

    Parameters
    ----------
    depth
        Trainable layers.
    symmetry_breaking
        Whether rotations of all qubits about z end each layer; that of the ancilla only adds to
        the weight that it has anyway.

    Returns
    -------
    Circuit
        7 qubits; vectors A, B, B, A, B, B from the middle between both A. 2 + 3·depth weights, and
        `depth` more with `symmetry_breaking` (122). Its value is in [−3, 3] (printed: [−4, 2]).
    """
    weights = _Weights()
    scales = weights.several(2)
    strengths = [weights.several(3) for _ in range(depth)]
    angles = weights.several(depth) if symmetry_breaking else []

    def trainable(layer: int) -> list[Operation]:
        inside, between, ancilla = strengths[layer]
        gates: list[Operation] = [
            Heisenberg(((1, 2),), inside),
            Heisenberg(((4, 5),), inside),
            Heisenberg(((0, 3),), between),
            Gate("rz", (6,), ancilla),
        ]
        if angles:
            gates += [Gate("rz", (qubit,), angles[layer]) for qubit in range(7)]
        return gates

    return _dimer(scales, trainable, depth, weights)


def bonded_dimer_circuit(depth: int = 10) -> Circuit:
    """Return a circuit for two molecules AB₂ that sees bonds and relative orientations.

    Ours: to the layers of `printed_dimer_circuit` it adds exchange between A and B of one molecule,
    between B of different molecules, and between A and B of different molecules. Each is the
    exponential of a sum, which permutations leave as it is; a product of exponentials that share
    qubits would not be. Give it the vectors from each A to its B.

    Parameters
    ----------
    depth
        Trainable layers.

    Returns
    -------
    Circuit
        7 qubits; 2 + 6·depth weights. Its value is in [−3, 3].
    """
    weights = _Weights()
    scales = weights.several(2)
    strengths = [weights.several(6) for _ in range(depth)]
    orbits: tuple[Orbit, ...] = (
        ((1, 2), (4, 5)),
        ((0, 3),),
        ((0, 1), (0, 2), (3, 4), (3, 5)),
        ((1, 4), (1, 5), (2, 4), (2, 5)),
        ((0, 4), (0, 5), (1, 3), (2, 3)),
    )

    def trainable(layer: int) -> list[Operation]:
        *exchanges, ancilla = strengths[layer]
        gates = [Heisenberg(orbit, j) for orbit, j in zip(orbits, exchanges, strict=True)]
        return [*gates, Gate("rz", (6,), ancilla)]

    return _dimer(scales, trainable, depth, weights)


def _dimer(
    scales: Sequence[Weight],
    trainable: Callable[[int], list[Operation]],
    depth: int,
    weights: _Weights,
) -> Circuit:
    encoding = [
        VectorRotation(qubit, _vector(qubit), scales[0 if qubit in (0, 3) else 1], control=6)
        for qubit in range(6)
    ]
    singlets = (*singlet(1, 2), *singlet(4, 5), *singlet(3, 0))
    return Circuit(
        n_qubits=7,
        n_features=18,
        n_weights=weights.count,
        gates=(*singlets, *_re_uploaded(encoding, trainable, depth)),
        observables=(exchange([(0, 3)], (Observable(_Z, 6),)),),
    )


def symmetric_circuit(
    vector_orbits: Sequence[Sequence[int]], permutations: Sequence[Sequence[int]], depth: int
) -> Circuit:
    """Return a circuit for any molecule, given the permutations of its equal atoms.

    Ours, after the paper's parts: every vector enters by two qubits, which start as a singlet.
    Pairs of qubits that a permutation of vectors maps to each other share one weight: a layer has
    one exponential of a sum for each of these orbits. With three or more vectors a mirror image
    is no rotation, so an ancilla controls the encodings (equation 9).

    Parameters
    ----------
    vector_orbits
        Numbers of the vectors that permutations map to each other; each orbit has a scale.
    permutations
        All permutations of the vectors, or some that generate them: ``permutation[v]`` is where
        vector v goes.
    depth
        Trainable layers.

    Returns
    -------
    Circuit
        Two qubits for each vector, and one more for three or more. Its value is in [−3, 1], and in
        [−3, 3] with the ancilla.

    Raises
    ------
    CircuitError
        With fewer than two vectors: their circuit would have a constant value.
    """
    n_vectors = sum(len(orbit) for orbit in vector_orbits)
    if n_vectors < 2:
        raise CircuitError("one vector turns both of its qubits alike, which changes no singlet")
    orbits = pair_orbits(n_vectors, permutations)
    ancilla = 2 * n_vectors if n_vectors > 2 else None
    weights = _Weights()
    scales = {
        vector: scale for orbit in vector_orbits for scale in [weights.new()] for vector in orbit
    }
    n_strengths = len(orbits) + (ancilla is not None)
    strengths = [weights.several(n_strengths) for _ in range(depth)]

    def trainable(layer: int) -> list[Operation]:
        gates: list[Operation] = [
            Heisenberg(orbit, j) for orbit, j in zip(orbits, strengths[layer], strict=False)
        ]
        return gates if ancilla is None else [*gates, Gate("rz", (ancilla,), strengths[layer][-1])]

    encoding = [
        VectorRotation(2 * vector + copy, _vector(vector), scales[vector], control=ancilla)
        for vector in range(n_vectors)
        for copy in range(2)
    ]
    own = [(2 * vector, 2 * vector + 1) for vector in range(n_vectors)]
    parity = () if ancilla is None else (Observable(_Z, ancilla),)
    singlets = [gate for pair in own for gate in singlet(*pair)]
    return Circuit(
        n_qubits=2 * n_vectors + (ancilla is not None),
        n_features=3 * n_vectors,
        n_weights=weights.count,
        gates=(*singlets, *_re_uploaded(encoding, trainable, depth)),
        observables=(exchange(own, parity, 1 / n_vectors),),
    )


def pair_orbits(n_vectors: int, permutations: Sequence[Sequence[int]]) -> list[Orbit]:
    """Return the pairs of qubits that permutations map to each other, each orbit sorted.

    Parameters
    ----------
    n_vectors
        Vector v enters by the qubits 2v and 2v + 1, which go where it goes.
    permutations
        As for `symmetric_circuit`.
    """
    remaining = set(combinations(range(2 * n_vectors), 2))
    orbits: list[Orbit] = []
    while remaining:
        orbit, new = set[Pair](), {min(remaining)}
        while new:
            orbit |= new
            moved = {_moved(pair, permutation) for pair in new for permutation in permutations}
            new = moved - orbit
        orbits.append(tuple(sorted(orbit)))
        remaining -= orbit
    return orbits


def _moved(pair: Pair, permutation: Sequence[int]) -> Pair:
    first, second = sorted(2 * permutation[qubit // 2] + qubit % 2 for qubit in pair)
    return first, second


def vqlm_circuit(n_features: int, depth: int) -> Circuit:
    """Return a generic circuit of internal coordinates: a guess.

    The circuit with which the paper compares (its reference 10) is not printed there. This one has
    the numbers of weights that it states: 7 for each layer of 3 qubits and 3 scales make 94 for
    depth 13 and 80 for depth 11. A layer is RY and RZ of every qubit and ZZ rotations of
    neighbours in a ring with one weight; features enter by RY, times a scale of each qubit.

    Parameters
    ----------
    n_features
        Such as interatomic distances. There are as many qubits, and at least 3: feature f enters
        by the qubits f, f + n_features, …
    depth
        Trainable layers.

    Returns
    -------
    Circuit
        n + (2n + 1)·depth weights for n qubits. Its value, the mean of all Z, is in [−1, 1].
    """
    n_qubits = max(3, n_features)
    weights = _Weights()
    scales = weights.several(n_qubits)
    layers = [weights.several(2 * n_qubits + 1) for _ in range(depth)]

    def trainable(layer: int) -> list[Operation]:
        *angles, coupling = layers[layer]
        rotations = zip(angles[:n_qubits], angles[n_qubits:], strict=True)
        gates: list[Operation] = []
        for qubit, (y, z) in enumerate(rotations):
            gates += [Gate("ry", (qubit,), y), Gate("rz", (qubit,), z)]
        ring = [(qubit, (qubit + 1) % n_qubits) for qubit in range(n_qubits)]
        return gates + [Gate("izz", pair, coupling) for pair in ring]

    encoding = [
        Gate("ry", (qubit,), ScaledInput(qubit % n_features, scales[qubit]))
        for qubit in range(n_qubits)
    ]
    mean = PauliSum(
        tuple(PauliProduct(1 / n_qubits, (Observable(_Z, qubit),)) for qubit in range(n_qubits))
    )
    return Circuit(
        n_qubits=n_qubits,
        n_features=n_features,
        n_weights=weights.count,
        gates=tuple(_re_uploaded(encoding, trainable, depth)),
        observables=(mean,),
    )


def _vector(index: int) -> tuple[Input, Input, Input]:
    return Input(3 * index), Input(3 * index + 1), Input(3 * index + 2)


def _re_uploaded(
    encoding: Sequence[Operation], trainable: Callable[[int], list[Operation]], depth: int
) -> list[Operation]:
    """Return the encoding, then every trainable layer with the encoding after it."""
    layers = [gate for layer in range(depth) for gate in (*trainable(layer), *encoding)]
    return [*encoding, *layers]
