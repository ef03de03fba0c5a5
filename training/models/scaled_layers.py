"""Layers without biases that keep the size of features: building blocks of inserted modules."""

from __future__ import annotations

import math
from typing import Literal

import torch
from nequip.nn import ShiftedSoftplus
from nequip.nn.mlp import ScalarLinearLayer

Initialization = Literal["uniform", "normal", "orthogonal"]

_NONLINEARITIES: dict[str, type[torch.nn.Module]] = {
    "silu": torch.nn.SiLU,
    "mish": torch.nn.Mish,
    "gelu": torch.nn.GELU,
    "ssp": ShiftedSoftplus,
    "tanh": torch.nn.Tanh,
}


class ScaledNonlinearity(torch.nn.Module):
    """A nonlinearity times the factor that gives unit second moment for normal inputs."""

    def __init__(self, nonlinearity: torch.nn.Module) -> None:
        super().__init__()
        self.nonlinearity = nonlinearity
        z = torch.linspace(-8, 8, 1601, dtype=torch.float64)
        density = torch.softmax(-z.square() / 2, dim=0)
        self.gain = float((density * nonlinearity(z).square()).sum().rsqrt())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map features of any shape."""
        return self.gain * self.nonlinearity(features)


def activation(nonlinearity: str | None) -> torch.nn.Module:
    """Return a nonlinearity that is 0 at 0 and scaled to unit second moment; None: the identity.

    Raises
    ------
    ValueError
        If it is unknown or not 0 at 0.
    """
    if nonlinearity is None:
        return torch.nn.Identity()
    if nonlinearity not in _NONLINEARITIES:
        raise ValueError(
            f"nonlinearity {nonlinearity!r} is unknown or not 0 at 0, which would make the energy "
            f"jump at the cutoff radius: choose one of {', '.join(_NONLINEARITIES)} or null"
        )
    return ScaledNonlinearity(_NONLINEARITIES[nonlinearity]())


def linear(
    n_features: int, n_outputs: int, initialization: Initialization = "uniform"
) -> ScalarLinearLayer:
    """Return a map without bias, of weights with unit mean square and scaled by 1/√n_features."""
    orthogonal = initialization == "orthogonal"
    layer = ScalarLinearLayer(
        n_features,
        n_outputs,
        alpha=1 / math.sqrt(n_features),
        init_mode="normal" if orthogonal else initialization,
    )
    if orthogonal:
        torch.nn.init.orthogonal_(layer.weight, gain=math.sqrt(max(n_features, n_outputs)))
    return layer
