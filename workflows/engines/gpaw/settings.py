"""What a campaign says about GPAW, and the arguments of GPAW's calculator."""

from __future__ import annotations

import shlex
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from cuprolith.settings import Settings
from workflows.engine_settings import EngineSettings
from workflows.kpoints import PAPER_KPOINT_LENGTH

FUNCTIONALS = {"r2scan": "MGGA_X_R2SCAN+MGGA_C_R2SCAN", "pbe": "PBE"}
"""GPAW's names of the functionals."""

LABELS = {"r2scan": "r2SCAN", "pbe": "PBE"}
"""Names of the functionals as frames bear them."""

_OCCUPATIONS: dict[str, dict[str, Any]] = {
    "gaussian": {"name": "methfessel-paxton", "order": 0},  # VASP's ISMEAR=0
    "methfessel-paxton": {"name": "methfessel-paxton", "order": 1},
    "fermi-dirac": {"name": "fermi-dirac"},
}


class GpawSettings(Settings):
    """PAW with plane waves (Laskaris 2026, section III.C, as far as it carries over from VASP)."""

    command: str = Field(
        default="gpaw python",
        description="runs a Python script under GPAW, e.g. `mpirun -np 8 gpaw python`",
    )
    functional: Literal["r2scan", "pbe"] = Field(
        default="r2scan", description="exchange-correlation functional"
    )
    cutoff: Annotated[float, Field(ge=200, le=2000)] = Field(
        default=520.0, description="plane-wave cutoff, eV"
    )
    kpoint_length: Annotated[float, Field(ge=5, le=100)] = Field(
        default=PAPER_KPOINT_LENGTH,
        description="least number of divisions times lattice constant, Å",
    )
    smearing: Literal["methfessel-paxton", "gaussian", "fermi-dirac"] = Field(
        default="methfessel-paxton", description="of order 1, as for VASP, or another"
    )
    smearing_width: Annotated[float, Field(ge=1e-4, le=1)] = Field(default=0.1, description="eV")
    energy_tolerance: Annotated[float, Field(ge=1e-12, le=1e-2)] = Field(
        default=1e-5, description="change of energy between SCF steps, eV per valence electron"
    )
    density_tolerance: Annotated[float, Field(ge=1e-12, le=1e-2)] = Field(
        default=1e-5, description="change of density between SCF steps, electrons per electron"
    )
    eigenstate_tolerance: Annotated[float, Field(ge=1e-14, le=1e-3)] = Field(
        default=1e-6,
        description="residual of the Kohn–Sham equation, eV² per electron; r2SCAN slabs do not "
        "reach GPAW's default of 4e-8",
    )
    max_scf_steps: Annotated[int, Field(ge=10, le=100_000)] = Field(
        default=200, description="SCF steps of one ionic step at most"
    )

    @field_validator("command")
    @classmethod
    def _is_a_command(cls, command: str) -> str:
        if not shlex.split(command):
            raise ValueError("empty: give a command such as `gpaw python`")
        return command

    @property
    def functional_label(self) -> str:
        """Name of the functional as frames bear it."""
        return LABELS[self.functional]

    def identity(self) -> dict[str, Any]:
        """Return the settings that decide the label of given positions."""
        return self.model_dump(mode="json", exclude={"command", "max_scf_steps"})

    def parameters(self, mesh: tuple[int, int, int], *, use_symmetry: bool) -> dict[str, Any]:
        """Return the arguments of GPAW's calculator, JSON-able.

        Parameters
        ----------
        mesh
            Divisions of the Γ-centred mesh.
        use_symmetry
            Whether point-group symmetry of the structure reduces the k-points. Not where atoms
            move, since they break it; time reversal is used in any case (as by ISYM=0 in VASP).
        """
        return {
            "mode": {"name": "pw", "ecut": self.cutoff},
            "xc": FUNCTIONALS[self.functional],
            "kpts": {"size": list(mesh), "gamma": True},
            "occupations": {**_OCCUPATIONS[self.smearing], "width": self.smearing_width},
            "convergence": {
                "energy": self.energy_tolerance,
                "density": self.density_tolerance,
                "eigenstates": self.eigenstate_tolerance,
            },
            "maxiter": self.max_scf_steps,
            "symmetry": {"point_group": use_symmetry},
            "txt": "gpaw.txt",
        }


class GpawEngineSettings(EngineSettings):
    """Settings of the engine ``gpaw``."""

    name: Literal["gpaw"] = "gpaw"
    gpaw: GpawSettings = GpawSettings()

    @property
    def kpoint_length(self) -> float:
        """Length of k-point meshes, Å."""
        return self.gpaw.kpoint_length
