"""An engine: who computes labels, as three makers with the same verbs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from jobflow import Maker

from cuprolith.errors import CuprolithError
from cuprolith.hashes import short_hash
from workflows.labelling.calculator_makers import (
    EmbeddedMeltQuenchMaker,
    EmbeddedRelaxMaker,
    EmbeddedStaticMaker,
)
from workflows.labelling.embedded import POTENTIALS
from workflows.labelling.settings import EngineSettings


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
    seconds_per_step
        Estimates the cost of labelling one ionic step, core seconds, from the numbers of atoms and
        of k-points in the whole mesh.
    uses_kpoints
        Whether labels depend on a mesh of k-points.
    """

    name: str
    functional: str
    config_hash: str
    simulated_by: str
    relax: Maker
    static: Maker
    melt_quench: Maker | None
    seconds_per_step: Callable[..., float]
    uses_kpoints: bool = False


def make_engine(settings: EngineSettings) -> Engine:
    """Build the engine a campaign asks for.

    Raises
    ------
    CuprolithError
        If the engine is not installed.
    """
    return _BUILDERS[settings.name](settings)


def _embedded_engine(settings: EngineSettings) -> Engine:
    """Build an engine whose weights come inside a Python package."""
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
    config_hash = short_hash(json.dumps(identity, sort_keys=True))
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
        seconds_per_step=partial(_proportional, potential.seconds_per_atom),
    )


def _proportional(seconds_per_atom: float, n_atoms: int, n_kpoints: int = 1) -> float:
    """Cost of a short-ranged potential, which knows no k-points."""
    return seconds_per_atom * n_atoms


def _vasp_engine(settings: EngineSettings) -> Engine:
    from workflows.engines.vasp.engine import vasp_engine

    return vasp_engine(settings)


def _gpaw_engine(settings: EngineSettings) -> Engine:
    from workflows.engines.gpaw.engine import gpaw_engine_parts

    return Engine(**gpaw_engine_parts(settings))


_BUILDERS: dict[str, Callable[[EngineSettings], Engine]] = {
    "diep-r2scan": _embedded_engine,
    "chgnet-r2scan": _embedded_engine,
    "gpaw": _gpaw_engine,
    "vasp": _vasp_engine,
}
