"""Runs whose energies and forces are no labels, whatever most runs of a collection do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.engines.vasp.tag_values import plain

# ICHARG from here on keeps the charge density fixed (https://www.vasp.at/wiki/index.php/ICHARG).
_FIXED_DENSITY = 10
# Diagonalise, but leave orbitals or density as they are; or a method beyond the ground state.
_ALGORITHMS = (
    "NONE",
    "NOTHING",
    "EIGENVAL",
    "SUBROT",
    "CHI",
    "GW",
    "G0W0",
    "SCGW",
    "EVGW",
    "QPGW",
    "BSE",
    "TDHF",
    "TIMEEV",
    "ACFDT",
    "RPA",
    "CCSD",
    "MP2",
    "2E4W",
)
_POTENTIALS = ("MBJ", "LMBJ")  # made for band gaps; no functional has them as derivative
_IALGO = {2: "orbitals kept", 3: "orbitals kept", 4: "subspace rotation only"}


def reasons_for_no_label(incar: Mapping[str, Any]) -> list[str]:
    """Return why a run gives no labels; an empty list if it does.

    Parameters
    ----------
    incar
        Settings of the run.
    """
    reasons = []
    charge_density = plain(incar.get("ICHARG"))
    if isinstance(charge_density, float) and charge_density >= _FIXED_DENSITY:
        reasons.append(
            f"ICHARG {charge_density:g}: the charge density was kept fixed, energy and forces are "
            "not selfconsistent"
        )
    algorithm = plain(incar.get("ALGO"))
    if isinstance(algorithm, str) and algorithm.startswith(_ALGORITHMS):
        reasons.append(f"ALGO {algorithm}: not a selfconsistent ground state")
    elif (kind := _IALGO.get(plain(incar.get("IALGO")))) is not None:
        reasons.append(f"IALGO {incar['IALGO']}: {kind}, not selfconsistent")
    if (potential := plain(incar.get("METAGGA"))) in _POTENTIALS:
        reasons.append(f"METAGGA {potential}: a potential without an energy")
    return reasons
