"""The circuit of the quantum depth-infused (QDI) layer."""

# No `from __future__ import annotations`: a deployed package could not load dataclasses then.

from dataclasses import dataclass
from itertools import count

from training.quantum.circuit import Circuit, CircuitError, Gate, Input, Observable, Weight

_ROTATIONS = {"x": "rx", "y": "ry", "z": "rz"}
_CHOICES: dict[str, tuple[str, ...]] = {
    "encoding": tuple(_ROTATIONS),
    "rotation": tuple(_ROTATIONS),
    "entangling": ("basic", "strong", "none"),
    "observable": tuple(_ROTATIONS),
    "measurement": ("all", "even", "single"),
    "input_scaling": ("none", "tanh_pi"),
}


@dataclass(frozen=True)
class QDIOptions:
    """Options of a QDI circuit and of the encoding of its features.

    Attributes
    ----------
    n_features
        Features; feature i is encoded on qubit i mod `n_qubits` in column i // `n_qubits`. The last
        column may be partly empty: its other qubits get no rotation.
    n_qubits
        Qubits, at least 2 (they are entangled in a ring).
    depth
        Variational layers in every V.
    encoding
        Axis of the rotations whose angles are the features.
    rotation
        Axis of the weights' rotations in ``basic`` layers.
    entangling
        ``basic``: one rotation per qubit, then a ring of CNOTs, qubit to next qubit. ``strong``:
        RZ·RY·RZ per qubit, then a ring of CNOTs over a distance of 1, 2, … n_qubits − 1, 1, …
        from layer to layer of a V (as PennyLane's ``StronglyEntanglingLayers``). ``none``: the
        rotations of ``basic`` without CNOTs, so every output depends on one qubit's features only.
    observable
        Pauli operator that is measured.
    measurement
        Measured qubits: ``all``, ``even`` (0, 2, …) or ``single`` (the first).
    input_scaling
        Features to angles: ``none`` (radians as they are) or ``tanh_pi`` (π·tanh).

    Raises
    ------
    CircuitError
        If an option or a number is not one of the above.
    """

    n_features: int = 4
    n_qubits: int = 4
    depth: int = 3
    encoding: str = "z"
    rotation: str = "x"
    entangling: str = "basic"
    observable: str = "y"
    measurement: str = "all"
    input_scaling: str = "none"

    def __post_init__(self) -> None:
        if self.n_qubits < 2:
            raise CircuitError(f"a QDI circuit entangles at least 2 qubits, not {self.n_qubits}")
        if self.n_features < 1 or self.depth < 1:
            raise CircuitError(
                "a QDI circuit needs at least one feature and depth 1, not"
                f" {self.n_features} features and depth {self.depth}"
            )
        for option, choices in _CHOICES.items():
            if (value := getattr(self, option)) not in choices:
                raise CircuitError(f"{option} {value!r} is not one of {', '.join(choices)}")

    @property
    def measured(self) -> range:
        """The qubits that are measured."""
        if self.measurement == "single":
            return range(1)
        return range(0, self.n_qubits, 2 if self.measurement == "even" else 1)


def qdi_circuit(options: QDIOptions) -> Circuit:
    """Return V·[Embed·V]^L, measured: features lie on a lattice of qubits × L columns.

    Returns
    -------
    Circuit
        (L + 1)·depth·n_qubits weights, three times as many if ``strong``: 24 for 4 features with
        the defaults.

    Notes
    -----
    Laskaris 2026, section II.C and Fig. 1, after the depth-infused layer of Sagingalieva et al. The
    paper leaves open: the axes of both rotations, the entangler, the observable, the scaling of
    features to angles, and what happens if features do not fill the lattice. The defaults agree
    with its supplement: 24 weights of which ZX-calculus removes none, a rank of the Fisher matrix
    that stays at 30 when depth grows, 161 Fourier terms. RY in place of RX agrees as well. Layers
    ``strong`` with depth 1 also have 24 weights, but ZX-calculus removes a third of them.
    """
    n_features, n_qubits = options.n_features, options.n_qubits
    encode, basic = _ROTATIONS[options.encoding], _ROTATIONS[options.rotation]
    strong = options.entangling == "strong"
    weights = count()
    gates: list[Gate] = []

    def variational() -> list[Gate]:
        layers: list[Gate] = []
        for layer in range(options.depth):
            layers += [
                Gate(name, (qubit,), Weight(next(weights)))
                for qubit in range(n_qubits)
                for name in (("rz", "ry", "rz") if strong else (basic,))
            ]
            if options.entangling != "none":
                layers += _ring(n_qubits, 1 + layer % (n_qubits - 1) if strong else 1)
        return layers

    gates += variational()
    for column in range(0, n_features, n_qubits):
        features = range(column, min(column + n_qubits, n_features))
        gates += [Gate(encode, (feature - column,), Input(feature)) for feature in features]
        gates += variational()
    return Circuit(
        n_qubits=n_qubits,
        n_features=n_features,
        n_weights=next(weights),
        gates=tuple(gates),
        observables=tuple(Observable(options.observable, qubit) for qubit in options.measured),
    )


def _ring(n_qubits: int, distance: int) -> list[Gate]:
    return [Gate("cx", (qubit, (qubit + distance) % n_qubits)) for qubit in range(n_qubits)]
