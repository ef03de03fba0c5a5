"""Gradients of a circuit's outputs by its weights: weights without effect, barren plateaus."""

from __future__ import annotations

import torch
from torch import Tensor

from analysis.circuits.draws import Draws
from analysis.circuits.states import expectation_values, states
from training.quantum.circuit import Circuit

# A weight whose gradients stay below this for all draws and inputs does nothing.
NO_EFFECT = 1e-12


def output_gradients(circuit: Circuit, x: Tensor, weights: Tensor) -> Tensor:
    """Return ∂⟨O⟩/∂θ of every sample, shape (n_samples, n_observables, n_weights).

    Parameters
    ----------
    x, weights
        As of `states`.
    """
    rows = weights.expand(len(x), -1) if weights.dim() == 1 else weights
    rows = rows.detach().clone().requires_grad_()
    values = expectation_values(circuit, states(circuit, x, rows))
    found = [
        torch.autograd.grad(
            column.sum(), rows, retain_graph=True, allow_unused=True, materialize_grads=True
        )[0]
        for column in values.unbind(1)
    ]
    return torch.stack(found, dim=1)


def without_effect(gradients: Tensor) -> list[list[int]]:
    """Return, for each output, the weights that do nothing in any sample.

    Parameters
    ----------
    gradients
        Of `output_gradients`.
    """
    largest = gradients.abs().amax(0)
    return [torch.nonzero(row < NO_EFFECT).flatten().tolist() for row in largest]


def gradient_variance(circuit: Circuit, seed: int, n_draws: int) -> float:
    """Return the variance of ∂⟨O₀⟩/∂θ over random weights and inputs, mean over all weights.

    It falls exponentially with the number of qubits on a barren plateau (McClean et al. 2018).
    """
    draws = Draws(seed, f"plateau {circuit.n_qubits} {circuit.n_weights}")
    weights, x = draws.weights(circuit, n_draws), draws.inputs(circuit, n_draws)
    return float(output_gradients(circuit, x, weights)[:, 0].var(0).mean())
