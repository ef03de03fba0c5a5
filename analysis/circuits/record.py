"""All analyses of one circuit: numbers for ``circuits.json`` and pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from analysis.circuits import fisher, fourier, gradients, zx
from analysis.circuits.definition import CircuitFile
from analysis.circuits.draws import Draws
from analysis.circuits.entanglement import haar_mean, meyer_wallach
from analysis.circuits.expressibility import N_BINS, divergence, fidelities
from analysis.circuits.figures import (
    circuit_png,
    expressibility_png,
    fisher_png,
    fourier_png,
    plateau_png,
    zx_png,
)
from analysis.circuits.states import states
from training.quantum.circuit import Circuit, CircuitError

# Sizes above which a Fourier part is counted in one draw of weights; the first is the paper's.
THRESHOLDS = (1e-3, 5e-4, 1.5e-3)
HISTOGRAM_BINS = (5, 10, 20, 25, 50)
FEW_INPUTS = 10
_RANK_DRAWS = 3
_RANK_INPUTS = 30
_N_DATA = (1e3, 1e4, 1e5, 1e6)
_DEPTHS = (1, 2, 4, 8)
_DRAWN = 100


@dataclass
class Analysed:
    """One part of the analysis of a circuit.

    Attributes
    ----------
    numbers
        What goes into ``circuits.json``.
    pictures
        PNG by file name.
    """

    numbers: dict[str, Any]
    pictures: dict[str, bytes] = field(default_factory=dict)


def zx_part(file: CircuitFile, circuit: Circuit) -> Analysed:
    """Count phases before and after reduction, as a unitary, on |0…0⟩ and in ⟨O⟩."""
    try:
        whole, from_zero = zx.unitary(circuit), zx.from_zero_state(circuit)
        outputs = [zx.measured(circuit, observable) for observable in circuit.observables]
    except CircuitError as error:
        return Analysed({"left_out": str(error)})
    numbers = {
        "phases_before": whole.phases_before,
        "phases_after": whole.phases_after,
        "phases_after_on_zero_state": from_zero.phases_after,
        "weight_phases_after": whole.weight_phases_after,
        "weight_phases_after_on_zero_state": from_zero.weight_phases_after,
        "outputs": [
            {
                "observable": str(observable),
                "phases_before": found.phases_before,
                "phases_after": found.phases_after,
                "weights_removed": _others(found.weights_after, circuit.n_weights),
            }
            for observable, found in zip(circuit.observables, outputs, strict=True)
        ],
    }
    return Analysed(numbers, {"zx.png": zx_png(whole)})


def fisher_part(file: CircuitFile, circuit: Circuit) -> Analysed:
    """Fisher matrices: spectra, mean matrices, rank by layers, effective dimension."""
    if circuit.n_weights == 0:
        return Analysed({"left_out": "the circuit has no weights"})
    many = _matrices(file, circuit, file.analysis.fisher_inputs)
    few = _matrices(file, circuit, FEW_INPUTS)
    labels: dict[str, Any] = {}
    for label, matrices in many.items():
        eigenvalues = _eigenvalues(matrices)
        few_values = _eigenvalues(few[label])
        labels[label] = {
            "near_zero": {
                str(n_bins): {
                    str(file.analysis.fisher_inputs): fisher.first_bin_share(eigenvalues, n_bins),
                    str(FEW_INPUTS): fisher.first_bin_share(few_values, n_bins),
                }
                for n_bins in HISTOGRAM_BINS
            },
            "mean_rank": sum(map(fisher.rank, matrices)) / len(matrices),
            "largest_eigenvalue": float(eigenvalues.max()),
            "diagonal_share": _diagonal_share(matrices.mean(0)),
        }
        if label != "quantum":
            labels[label]["effective_dimension"] = {
                f"{n_data:g}": fisher.effective_dimension(matrices, n_data) for n_data in _N_DATA
            }
    ranks = _rank_by_depth(file)
    picture = fisher_png(many, ranks)
    return Analysed({"labels": labels, "rank_by_depth": ranks}, {"fisher.png": picture})


def _matrices(file: CircuitFile, circuit: Circuit, n_inputs: int) -> dict[str, Tensor]:
    """Mean Fisher matrices of each draw of weights, by label, shape (n_draws, d, d)."""
    draws = Draws(file.analysis.seed, f"Fisher {n_inputs}")
    found = [
        fisher.mean_matrices(circuit, draws.inputs(circuit, n_inputs), weights)
        for weights in draws.weights(circuit, file.analysis.fisher_draws)
    ]
    return {label: torch.stack([each[label] for each in found]) for label in found[0]}


def _eigenvalues(matrices: Tensor) -> Tensor:
    return torch.linalg.eigvalsh(matrices).clamp_min(0)


def _diagonal_share(matrix: Tensor) -> float:
    """Return the share of the matrix, in its Frobenius norm squared, that is on the diagonal."""
    return float(matrix.diagonal().square().sum() / matrix.square().sum())


def _rank_by_depth(file: CircuitFile) -> dict[str, list[int]]:
    """Largest rank of some draws, for 1, 2, … times the layers of the circuit."""
    ranks: dict[str, list[int]] = {}
    for times in range(1, file.analysis.layers + 1):
        circuit = file.with_layers(times)
        draws = Draws(file.analysis.seed, f"rank {times}")
        n_inputs = max(file.analysis.fisher_inputs, 2 * circuit.n_weights)
        inputs = {"one_input": 1, f"{_RANK_INPUTS}_inputs": _RANK_INPUTS, "many_inputs": n_inputs}
        for name, count in inputs.items():
            drawn = [
                fisher.mean_matrices(circuit, draws.inputs(circuit, count), weights)
                for weights in draws.weights(circuit, _RANK_DRAWS)
            ]
            for label in drawn[0]:
                found = max(fisher.rank(matrices[label]) for matrices in drawn)
                ranks.setdefault(f"{label}, {name}", []).append(found)
        ranks.setdefault("n_weights", []).append(circuit.n_weights)
    ranks["ceiling_of_a_state"] = [2 * 2**circuit.n_qubits - 2] * file.analysis.layers
    return ranks


def fourier_part(file: CircuitFile, circuit: Circuit) -> Analysed:
    """Fourier terms over many weights."""
    draws = Draws(file.analysis.seed, "Fourier").weights(circuit, file.analysis.fourier_draws)
    try:
        coefficients = torch.stack([fourier.fourier_coefficients(circuit, w) for w in draws])
    except CircuitError as error:
        return Analysed({"left_out": str(error)})
    terms = fourier.count_terms(coefficients, THRESHOLDS)
    numbers = {
        "terms": terms.n_terms,
        "nonzero": terms.nonzero,
        "zero_means_below": fourier.ZERO,
        "frequencies": (terms.n_terms + 1) // 2,
        "frequencies_present": terms.frequencies,
        "above": {
            f"{threshold:g}": {
                "mean": float(counts.double().mean()),
                "standard_deviation": float(counts.double().std()),
                "smallest": int(counts.min()),
                "largest": int(counts.max()),
                "share_of_draws_with_127": float((counts == 127).double().mean()),
            }
            for threshold, counts in terms.above.items()
        },
    }
    return Analysed(numbers, {"fourier.png": fourier_png(coefficients[:_DRAWN], circuit)})


def gradients_part(file: CircuitFile, circuit: Circuit) -> Analysed:
    """Weights that do nothing, and variances of gradients over qubits and depth."""
    settings = file.analysis
    draws = Draws(settings.seed, "gradients")
    x, weights = (
        draws.inputs(circuit, settings.plateau_draws),
        draws.weights(circuit, settings.plateau_draws),
    )
    without = gradients.without_effect(gradients.output_gradients(circuit, x, weights))
    scan = [
        {
            "qubits": n_qubits,
            "depth": depth,
            "variance": gradients.gradient_variance(scaled, settings.seed, settings.plateau_draws),
        }
        for depth in _DEPTHS
        for n_qubits in range(2, settings.plateau_qubits + 1, 2)
        if (scaled := file.with_qubits(n_qubits, depth)) is not None
    ]
    numbers = {
        "weights_without_effect": without,
        "weights_without_any_effect": sorted(set.intersection(*map(set, without))),
        "variance": gradients.gradient_variance(circuit, settings.seed, settings.plateau_draws),
        "plateau": scan,
    }
    return Analysed(numbers, {"plateau.png": plateau_png(scan)} if scan else {})


def states_part(file: CircuitFile, circuit: Circuit) -> Analysed:
    """Entangling capability and expressibility."""
    n_draws, seed = file.analysis.state_draws, file.analysis.seed
    draws = Draws(seed, "entanglement")
    sampled = states(circuit, draws.inputs(circuit, n_draws), draws.weights(circuit, n_draws))
    entanglement = meyer_wallach(sampled)
    found = fidelities(circuit, seed, n_draws)
    numbers = {
        "entangling_capability": float(entanglement.mean()),
        "entangling_capability_of_random_states": haar_mean(circuit.n_qubits),
        "expressibility": divergence(found, circuit.n_qubits),
        "expressibility_bins": N_BINS,
    }
    picture = expressibility_png(found, entanglement, circuit.n_qubits)
    return Analysed(numbers, {"expressibility.png": picture})


def drawing_part(file: CircuitFile, circuit: Circuit) -> Analysed:
    """Sizes of the circuit, and its drawing."""
    numbers = {
        "n_qubits": circuit.n_qubits,
        "n_features": circuit.n_features,
        "n_weights": circuit.n_weights,
        "n_gates": len(circuit.gates),
        "n_two_qubit_gates": sum(len(gate.qubits) > 1 for gate in circuit.gates),
        "observables": [str(observable) for observable in circuit.observables],
    }
    return Analysed(numbers, {"circuit.png": circuit_png(circuit)})


PARTS: dict[str, Callable[[CircuitFile, Circuit], Analysed]] = {
    "circuit": drawing_part,
    "zx": zx_part,
    "fisher": fisher_part,
    "fourier": fourier_part,
    "gradients": gradients_part,
    "states": states_part,
}


def _others(indices: tuple[int, ...], number: int) -> list[int]:
    return sorted(set(range(number)) - set(indices))
