"""A single Nosé–Hoover thermostat with VASP's masses, and its place in POSCAR and CONTCAR."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from ase import units

from cuprolith.errors import CuprolithError

_AMU_ANGSTROM2_PER_FS2 = units._amu * 1e10 / units._e
"""One u·Å²/fs² in eV."""


@dataclass(frozen=True)
class Thermostat:
    """State of the thermostat.

    Attributes
    ----------
    friction
        Rate at which it damps the velocities, 1/fs.
    work
        Energy it has taken from the atoms so far, eV: the potential of the conserved quantity.
        During a ramp it is the integral of g k T(t) times the friction, so that the quantity
        stays conserved while the temperature is lowered.
    """

    friction: float = 0.0
    work: float = 0.0

    def damp(
        self, kinetic: float, target: float, mass: float, degrees: int, time_step: float
    ) -> tuple[Thermostat, float]:
        """Let the thermostat act for a time; return its state and the factor of the velocities.

        Parameters
        ----------
        kinetic
            Kinetic energy of the atoms, eV.
        target
            Temperature aimed at, K.
        mass
            Nosé mass, eV fs².
        degrees
            Number of degrees of freedom.
        time_step
            Duration, fs.
        """
        thermal = degrees * units.kB * target
        friction = self.friction + (2 * kinetic - thermal) / mass * time_step / 2
        scale = float(np.exp(-friction * time_step))
        work = self.work + thermal * friction * time_step
        friction += (2 * kinetic * scale**2 - thermal) / mass * time_step / 2
        return replace(self, friction=friction, work=work), scale

    def kinetic(self, mass: float) -> float:
        """Return the kinetic energy of the thermostat (eV) for a Nosé mass in eV fs²."""
        return 0.5 * mass * self.friction**2

    def to_poscar(self, time_step: float) -> str:
        """Return the three lines that open the predictor-corrector block of CONTCAR.

        VASP keeps four numbers of its thermostat in the third; here the first two are friction
        (1/fs) and work (eV).
        """
        return (
            f"           1\n  {time_step:.16E}\n"
            f"  {self.friction:.16E}  {self.work:.16E}  0.0000000000000000E+00  "
            "0.0000000000000000E+00"
        )

    @classmethod
    def from_poscar(cls, preamble: str | None) -> Thermostat | None:
        """Read the state from the opening of a predictor-corrector block; None without one.

        Raises
        ------
        CuprolithError
            If the third line does not hold four numbers.
        """
        if not preamble:
            return None
        try:
            friction, work, *_ = (float(word) for word in preamble.splitlines()[2].split())
        except (IndexError, ValueError) as error:
            raise CuprolithError(
                "the predictor-corrector block does not open with the thermostat's four numbers",
                where="POSCAR",
                remedy="copy CONTCAR of the previous run unchanged, or leave the block out",
            ) from error
        return cls(friction, work)


def nose_mass(smass: float, length: float) -> float:
    """Return the Nosé mass, eV fs², for SMASS in u times the square of a length in Å."""
    return smass * length**2 * _AMU_ANGSTROM2_PER_FS2
