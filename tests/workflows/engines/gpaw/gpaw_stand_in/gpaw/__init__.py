"""Stands in for GPAW in tests: the same interface over ASE's EMT, with faults on request.

``GPAW_STAND_IN_FAULT`` is ``die:N``, ``scf:N`` or ``nan:N``: what happens in evaluation N.
"""

import os
import signal
from pathlib import Path

from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT

__version__ = "0.stand-in"
setup_paths = [str(Path(__file__).parent)]


def get_libraries():
    return {"libxc": "7.0.0"}


class KohnShamConvergenceError(Exception):
    pass


class GPAW(EMT):
    """EMT whose energy at zero smearing lies 0.5 eV above the free energy."""

    def __init__(self, mode, xc, kpts, symmetry, **_others):
        super().__init__()
        self.evaluations = 0
        self.fault, _, at = os.environ.get("GPAW_STAND_IN_FAULT", ":0").partition(":")
        self.fault_at = int(at)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        self.evaluations += 1
        with Path("evaluations.txt").open("a") as file:
            file.write(f"{self.evaluations}\n")
        fault = self.fault if self.evaluations == self.fault_at else ""
        if fault == "die":
            print("slurmstepd: error: oom-kill", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "scf":
            raise KohnShamConvergenceError("Did not converge!")
        super().calculate(atoms, properties, system_changes)
        self.results["energy"] = self.results["free_energy"] + 0.5
        if fault == "nan":
            self.results["forces"][0, 0] = float("nan")
