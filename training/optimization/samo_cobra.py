"""SAMO-COBRA: surrogate-assisted multi-objective optimisation with constraints.

De Winter, van Stein and Bäck, EMO 2021. `propose` has no memory; `SamoCobraSampler` (in
`training.optimization.optuna_sampler`) keeps it in Optuna's storage.
"""

from __future__ import annotations

from training.optimization.observations import Observations, Proposals
from training.optimization.proposing import propose
from training.optimization.seen_points import SearchSpaceExhausted
from training.optimization.settings import SamoCobraSettings

__all__ = [
    "Observations",
    "Proposals",
    "SamoCobraSettings",
    "SearchSpaceExhausted",
    "propose",
]
