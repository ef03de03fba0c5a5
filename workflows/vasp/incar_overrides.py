"""Which INCAR tags a campaign may not set by itself, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.vasp.not_labels import reasons_for_no_label

_OF_THE_CAMPAIGN = {
    "ENCUT": "encut",
    "EDIFF": "ediff",
    "ISPIN": "spin_polarized",
    "SIGMA": "smearing_width",
    "METAGGA": "functional",
    "GGA": "functional",
    "NCORE": "parallel.ncore",
    "KPAR": "parallel.kpar",
}
_OF_THE_TASK = {
    "NSW": "engine.relax.max_steps and engine.melt_quench",
    "EDIFFG": "engine.relax.fmax",
    "POTIM": "engine.melt_quench.time_step",
    "TEBEG": "engine.melt_quench",
    "TEEND": "engine.melt_quench",
    "SMASS": "engine.melt_quench.thermostat_time",
}
_FIXED = {
    "KSPACING": "meshes are explicit, with one division along the vacuum: use kpoint_length",
    "KGAMMA": "meshes are explicit and Γ-centred: use kpoint_length",
    "MDALGO": "the melt-quench is a Nosé–Hoover run (MDALGO = 2)",
    "NPAR": "contradicts NCORE: use parallel.ncore",
    "LWAVE": "restarts and segments need WAVECAR; it is removed when a run is finished",
    "ISTART": "decided by whether there is a WAVECAR",
    "ICHARG": "decided by whether there is a WAVECAR",
    "IBRION": "decided by the task: 2 relaxes, 0 moves, -1 stands still",
    "LDIPOL": "decided by the structure: on where its two faces differ",
    "IDIPOL": "decided by the structure: on where its two faces differ",
    "DIPOL": "decided by the structure: its centre of mass",
    "NELECT": "belongs to one structure: cells are neutral",
    "ML_LMLFF": "labels of VASP's own force field are no DFT labels",
    "LCORR": "forces would not belong to the energy",
}


def refused_override(
    tag: str, value: Any, functional: str, overrides: Mapping[str, Any]
) -> str | None:
    """Return why an INCAR override is impossible; None if it is not.

    Parameters
    ----------
    tag, value
        INCAR tag in upper case, and what it should be.
    functional
        The campaign's.
    overrides
        All overrides.
    """
    if tag in {"METAGGA", "GGA"}:
        return f"contradicts functional: {functional}; set `functional` instead"
    if tag in _OF_THE_CAMPAIGN:
        return f"use the key `{_OF_THE_CAMPAIGN[tag]}` instead"
    if tag in _OF_THE_TASK:
        return f"use {_OF_THE_TASK[tag]} instead"
    if tag in _FIXED:
        return _FIXED[tag]
    checks = {
        "ISIF": (value == 2, "cells are fixed and stresses wanted: only 2 is possible"),
        "ISYM": (
            value in {0, -1},
            "atoms that move break the symmetry a mesh was reduced by: only 0 or -1 is possible",
        ),
        "ISMEAR": (
            False,
            "use the key `smearing`; tetrahedra (-5, -4) give wrong forces in metals",
        ),
        "LASPH": (
            bool(value) or functional == "pbe",
            "meta-GGAs need the aspherical terms in the PAW spheres",
        ),
        "ALGO": (
            functional == "pbe" or str(value).lower()[:1] not in {"f", "v"},
            "Fast and VeryFast do not converge meta-GGAs: use Normal, All or Damped",
        ),
    }
    possible, reason = checks.get(tag, (True, ""))
    if no_label := reasons_for_no_label({tag: value}):
        possible, reason = False, no_label[0]
    if possible and tag == "LHFCALC" and value and "ALGO" not in overrides:
        return "a hybrid needs ALGO = All, Normal or Damped beside it"
    return None if possible else reason
