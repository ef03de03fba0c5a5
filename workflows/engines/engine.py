"""An engine: who computes labels, as three makers with the same verbs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from jobflow import Maker

from workflows.engines.embedded import POTENTIALS
from workflows.engines.makers import (
    EmbeddedMeltQuenchMaker,
    EmbeddedRelaxMaker,
    EmbeddedStaticMaker,
)
from workflows.engines.settings import EngineSettings
from workflows.errors import CuprolithError


@dataclass(frozen=True)
class Engine:
    """Who computes labels.

    Attributes
    ----------
    name, functional, config_hash
        Identity of the labels. The hash covers all that decides the label of given positions
        (package version, weights), and nothing that decides which positions are visited.
    simulated_by
        One sentence for reports: what produced the numbers.
    relax, static, melt_quench
        Makers; ``melt_quench`` is None when the campaign asks for none.
    seconds_per_atom
        Estimated cost of labelling one ionic step, s/atom.
    """

    name: str
    functional: str
    config_hash: str
    simulated_by: str
    relax: Maker
    static: Maker
    melt_quench: Maker | None
    seconds_per_atom: float


def make_engine(settings: EngineSettings) -> Engine:
    """Build the engine a campaign asks for.

    Raises
    ------
    CuprolithError
        If the engine is not installed.
    """
    potential = POTENTIALS[settings.name]
    if not potential.installed:
        raise CuprolithError(
            f"engine {settings.name} is not installed: no Python package {potential.package!r}",
            key="engine.name",
            remedy=f"pip install {potential.package}, or choose another engine "
            "(`cuprolith doctor` lists them)",
        )
    identity = {
        "engine": settings.name,
        "functional": potential.functional,
        "package": f"{potential.package}=={potential.version}",
        "weights": potential.weights_sha256(),
    }
    config_hash = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
    common: dict[str, Any] = {
        "engine": settings.name,
        "functional": potential.functional,
        "config_hash": config_hash,
    }
    return Engine(
        name=settings.name,
        functional=potential.functional,
        config_hash=config_hash,
        simulated_by=(
            f"simulated: energies, forces and stresses come from the machine-learned potential "
            f"{potential.package} {potential.version} (trained on {potential.trained_on}), "
            f"not from a DFT calculation"
        ),
        relax=EmbeddedRelaxMaker(settings=settings.relax, **common),
        static=EmbeddedStaticMaker(**common),
        melt_quench=(
            EmbeddedMeltQuenchMaker(settings=settings.melt_quench, **common)
            if settings.melt_quench
            else None
        ),
        seconds_per_atom=potential.seconds_per_atom,
    )
