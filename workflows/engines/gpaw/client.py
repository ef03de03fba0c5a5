"""Run by GPAW's own interpreter, never imported: labels positions that arrive over a socket.

``gpaw python gpaw_client.py gpaw.json``. It needs nothing but ASE and GPAW. Beside the i-PI
protocol's energy (here the free energy, to which the forces belong) it sends the energy
extrapolated to zero smearing, as JSON.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import get_calculator_class
from ase.calculators.socketio import IPIProtocol, SocketClient
from ase.parallel import world
from numpy.typing import NDArray


class FreeEnergyClient(SocketClient):
    """ASE's client, sending free energies."""

    def calculate(
        self, atoms: Atoms, use_stress: bool
    ) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Return free energy (eV), forces (eV/Å) and virial (eV); called on every MPI rank."""
        extrapolated, forces, virial = super().calculate(atoms, use_stress)
        if self.comm.rank == 0:
            extra = json.dumps({"energy_sigma0": float(extrapolated)}).encode()
            self.protocol.sendforce = partial(
                IPIProtocol.sendforce,
                self.protocol,
                morebytes=np.frombuffer(extra, dtype=np.byte),
            )
        return atoms.get_potential_energy(force_consistent=True), forces, virial


def main(configuration: Path) -> None:
    """Serve labels until the socket is closed."""
    settings = json.loads(configuration.read_text())
    atoms = Atoms(
        numbers=settings["numbers"],
        positions=np.zeros((len(settings["numbers"]), 3)),
        cell=settings["cell"],
        pbc=True,
    )
    calculator = get_calculator_class("gpaw")(**settings["parameters"])
    atoms.calc = calculator
    # GPAW's communicator where it has one: ASE's own may not know of MPI.
    communicator = getattr(calculator, "comm", world)
    client = FreeEnergyClient(unixsocket=settings["socket"], comm=communicator)
    client.run(atoms, use_stress=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
