"""Run by GPAW's own interpreter, never imported: prints as JSON what decides GPAW's labels."""

from __future__ import annotations

import hashlib
import importlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np


def enforces_fermi_hole_curvature() -> bool:
    """Whether libxc cuts |∇n|² off at 8nτ (its build option for a positive Fermi-hole curvature).

    r2SCAN's energy is taken at that bound and at ten times the gradient: with the cut-off the
    two are the same number.
    """
    libxc = importlib.import_module("gpaw.xc.libxc").LibXC("MGGA_X_R2SCAN+MGGA_C_R2SCAN")
    density, tau = 0.1, 0.01

    def energy(sigma: float) -> float:
        result = np.zeros(1)
        density_, sigma_, tau_ = (np.full((1, 1), value) for value in (density, sigma, tau))
        derivatives = [np.zeros((1, 1)) for _ in range(3)]
        libxc.calculate(
            result, density_, derivatives[0], sigma_, derivatives[1], tau_, derivatives[2]
        )
        return float(result[0])

    bound = 8 * density * tau
    return energy(bound) == energy(10 * bound)


def setups_hash(folders: list[str]) -> str:
    """Hash of the PBE setups that GPAW would read (it uses them for r2SCAN too), 12 hex digits."""
    digest = hashlib.sha256()
    seen: set[str] = set()
    for folder in folders:
        for path in sorted(Path(folder).glob("*.PBE*")):
            if path.name not in seen:
                seen.add(path.name)
                digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def main() -> None:
    """Print the findings, on the first MPI rank only."""
    warnings.simplefilter("ignore")  # GPAW's own warning on libxc, which the remedy replaces
    gpaw = importlib.import_module("gpaw")
    findings: dict[str, Any] = {
        "gpaw": gpaw.__version__,
        "libxc": gpaw.get_libraries()["libxc"],
        "setups": setups_hash([str(path) for path in gpaw.setup_paths]),
        "fermi_hole": enforces_fermi_hole_curvature(),
    }
    world = importlib.import_module("gpaw.mpi").world
    findings["processes"] = world.size
    if world.rank == 0:
        print("GPAW-PROBE " + json.dumps(findings), flush=True)


if __name__ == "__main__":
    main()
