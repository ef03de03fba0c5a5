"""Section *Circuit*: what the trained weights of a quantum layer do, in short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.report.content import Section, Table, number
from analysis.report.inputs import Inputs, TrainingFolder
from training.nequip_runs.training_run import stored_inputs

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from training.quantum.circuit import Circuit

_N_INPUTS = 100
_NEAR_ZERO = 1e-3


@dataclass(frozen=True)
class TrainedCircuit:
    """A quantum layer as it was trained."""

    circuit: Circuit
    weights: Tensor


def circuit_sections(inputs: Inputs) -> list[Section]:
    """Return a section if a model with a quantum layer was trained, else none.

    Its weights are read from the checkpoint, which takes some seconds; the analysis is quick.
    """
    section = Section("circuit", "Circuit")
    section.lead = (
        "The quantum layer with its trained weights: exact derivatives and Fourier coefficients. "
        "Features are normal with unit variance."
    )
    section.notes = [
        "No effect: weights that never change the output, whatever the others are. Power: share of "
        "the variance over features in frequencies that combine so many of them."
    ]
    for training in inputs.trainings:
        checkpoint = _checkpoint(training)
        found = inputs.attempt(checkpoint, trained_circuit) if checkpoint else None
        if found is not None:
            section.facts += _facts(training.variant, found)
            section.tables.append(outputs_table(training.variant, found))
    return [section] if section.tables else []


def _checkpoint(training: TrainingFolder) -> Path | None:
    """Return the checkpoint of a finished training that has the section of a quantum layer."""
    made_from = stored_inputs(training.folder)
    name = training.result.get("checkpoint")
    if made_from is None or not isinstance(name, str) or not _has_circuit(made_from.config):
        return None
    return training.folder / name


def _has_circuit(config: Any) -> bool:
    if isinstance(config, Mapping):
        return "qdi" in config or any(_has_circuit(value) for value in config.values())
    return False


def trained_circuit(checkpoint: Path) -> TrainedCircuit | None:
    """Return the quantum layer of a checkpoint; None if a classical layer is in its place.

    Raises
    ------
    ValueError
        If the checkpoint cannot be loaded.
    """
    import torch

    from training.calculator import checkpoint_calculator
    from training.errors import TrainingError
    from training.quantum.layer import QDILayer

    try:
        model = checkpoint_calculator(checkpoint, "cpu").model
    except TrainingError as error:
        raise ValueError(str(error)) from error
    layers = [module for module in model.modules() if isinstance(module, QDILayer)]
    if not layers:
        return None
    return TrainedCircuit(layers[0].circuit, layers[0].weights.detach().to(torch.float64))


def _facts(variant: str, found: TrainedCircuit) -> list[tuple[str, str]]:
    """Return the ranks of the Fisher matrices at the trained weights."""
    from analysis.circuits.draws import Draws
    from analysis.circuits.fisher import mean_matrices, rank

    circuit = found.circuit
    x = Draws(0, "report").inputs(circuit, _N_INPUTS)
    matrices = mean_matrices(circuit, x, found.weights)
    one = mean_matrices(circuit, x[:1], found.weights)
    return [
        (f"{variant}: weights of the circuit", str(circuit.n_weights)),
        ("rank of the quantum Fisher matrix, one input", str(rank(one["quantum"]))),
        (f"the same, {_N_INPUTS} inputs", str(rank(matrices["quantum"]))),
        ("rank for all outcomes", str(rank(matrices["all"]))),
    ]


def outputs_table(variant: str, found: TrainedCircuit) -> Table:
    """Return one row per output: gradients, Fourier terms, and how many features they combine."""
    import torch

    from analysis.circuits.draws import Draws
    from analysis.circuits.fourier import fourier_coefficients, parts
    from analysis.circuits.gradients import output_gradients, without_effect
    from training.quantum.circuit import CircuitError

    circuit = found.circuit
    draws = Draws(0, "report")
    many = output_gradients(
        circuit, draws.inputs(circuit, _N_INPUTS), draws.weights(circuit, _N_INPUTS)
    )
    trained = output_gradients(circuit, draws.inputs(circuit, _N_INPUTS), found.weights)
    sizes = trained.square().mean(0).sqrt()
    try:
        coefficients = fourier_coefficients(circuit, found.weights)
    except CircuitError:
        coefficients = torch.zeros(len(circuit.observables), 0)
    header = ["output", "no effect", "rms gradient", "smallest of a weight"]
    header += [f"Fourier parts above {_NEAR_ZERO:g}", "power by number of features"]
    rows = []
    for place, without in enumerate(without_effect(many)):
        observable = circuit.observables[place]
        acting = [weight for weight in range(circuit.n_weights) if weight not in without]
        own = coefficients[place : place + 1]
        counted = bool(own.numel())
        rows.append(
            [
                f"⟨{observable}⟩",
                ", ".join(map(str, without)) or "none",
                number(float(sizes[place].square().mean().sqrt())),
                number(float(sizes[place, acting].min())) if acting else "–",
                f"{int((parts(own).abs() > _NEAR_ZERO).sum())} of {2 * own.numel() - 1}"
                if counted
                else "–",
                _power(own[0]) if counted else "–",
            ]
        )
    return Table(f"{variant}: outputs of the trained circuit", header, rows, (2, 3, 4))


def _power(coefficients: Tensor) -> str:
    """Write the shares of Σ|c|² of frequencies that combine 1, 2, … features."""
    import torch

    power = coefficients.abs().square()
    combined = torch.zeros(power.shape, dtype=torch.int64)
    for axis, size in enumerate(power.shape):
        shape = [1] * power.dim()
        shape[axis] = size
        combined = combined + (torch.arange(size) > 0).reshape(shape)
    total = power[combined > 0].sum()
    if total < 1e-20:
        return "constant"
    shares = [float(power[combined == n].sum() / total) for n in range(1, power.dim() + 1)]
    return ", ".join(f"{n}: {100 * share:.0f} %" for n, share in enumerate(shares, start=1))
