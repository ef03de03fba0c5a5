"""The engine ``vasp``: production DFT, or another program in its place."""

from __future__ import annotations

import json
from typing import Any

from cuprolith.hashes import short_hash
from workflows.engines.vasp.makers import VaspMeltQuenchMaker, VaspRelaxMaker, VaspStaticMaker
from workflows.engines.vasp.vasp_run import expected_fingerprint
from workflows.labelling.engine import Engine
from workflows.labelling.settings import EngineSettings

_SECONDS = 0.07
"""Of one ionic step per k-point of the whole mesh and atom squared, one core.

Rough, and not VASP's: GPAW's, measured for the same functional, cutoff and elements. VASP's own
share of cores, k-points and memory may make it three times less or more.
"""


def seconds_per_step(n_atoms: int, n_kpoints: int = 1) -> float:
    """Estimate the cost of one ionic step, core seconds: an order of magnitude.

    Parameters
    ----------
    n_atoms, n_kpoints
        Atoms of the cell, and points of the whole mesh.
    """
    return _SECONDS * n_kpoints * n_atoms**2


def vasp_engine(settings: EngineSettings) -> Engine:
    """Build the engine; nothing is looked for on this machine, so a laptop can plan.

    Parameters
    ----------
    settings
        The campaign's. A program that runs in place of VASP is told by its command, and is
        another engine, with fingerprints of its own.
    """
    vasp = settings.vasp
    program, name = vasp.program, vasp.program.name
    identity = {
        "engine": name,
        "settings": expected_fingerprint(vasp, []).settings,
        "potcar_family": vasp.potcar_family,
        "potcars": vasp.potcars,
        # Tags that the fingerprint of a run's output cannot hold decide labels, too.
        "incar": vasp.incar,
    }
    text = json.dumps(identity, sort_keys=True)
    common: dict[str, Any] = {
        "engine": name,
        "functional": vasp.functional_label,
        "config_hash": short_hash(text),
        "vasp": vasp,
    }
    quench = settings.melt_quench
    return Engine(
        name=name,
        functional=vasp.functional_label,
        config_hash=common["config_hash"],
        simulated_by=(
            program.simulated_by
            or f"computed by DFT: VASP, {vasp.functional_label}, PAW {vasp.potcar_family}"
        ),
        relax=VaspRelaxMaker(settings=settings.relax, **common),
        static=VaspStaticMaker(**common),
        melt_quench=None if quench is None else VaspMeltQuenchMaker(settings=quench, **common),
        seconds_per_step=seconds_per_step,
        uses_kpoints=True,
    )
