"""Settings of VASP in a campaign (YAML section ``engine.vasp``)."""

from __future__ import annotations

import os
import re
import shlex
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, field_validator, model_validator

from cuprolith.settings import Settings
from workflows.engine_settings import EngineSettings
from workflows.engines.vasp.incar_overrides import incar_value, refused_override, written_override
from workflows.engines.vasp.programs import VaspProgram, program_of_command
from workflows.kpoints import PAPER_KPOINT_LENGTH

PAPER_CUTOFF = 520.0
"""Plane-wave cutoff in eV (Laskaris 2026, section III.C)."""

LABELS = {"r2scan": "r2SCAN", "pbe": "PBE"}
"""Names of the functionals as frames bear them."""

IncarValue = Annotated[bool | int | float | str | list[int | float], PlainValidator(incar_value)]
Count = Annotated[int, Field(ge=1, le=100_000)]
_POTCAR = re.compile(r"([A-Z][a-z]?)(?:_[A-Za-z0-9.]+)*")


class ParallelSettings(Settings):
    """Settings of VASP's parallelism; they decide no label, so each worker may have its own."""

    ncore: Count | None = Field(
        default=None, description="cores per orbital (NCORE); else CUPROLITH_VASP_NCORE"
    )
    kpar: Count | None = Field(
        default=None, description="groups of k-points (KPAR); else CUPROLITH_VASP_KPAR"
    )

    def incar(self) -> dict[str, int]:
        """Return NCORE and KPAR as given here or else by the worker's environment."""
        given = {"NCORE": self.ncore, "KPAR": self.kpar}
        found: dict[str, int] = {}
        for tag, value in given.items():
            number = value if value is not None else os.environ.get(f"CUPROLITH_VASP_{tag}")
            if number is not None:
                found[tag] = int(number)
        return found


class VaspSettings(Settings):
    """Plane-wave DFT of all tasks (Laskaris 2026, section III.C)."""

    functional: Literal["r2scan", "pbe"] = Field(
        default="r2scan", description="exchange-correlation functional (paper: R2SCAN)"
    )
    potcar_family: Literal["PBE_54", "PBE_64"] = Field(
        default="PBE_54", description="release of the PAW potentials (the paper does not say)"
    )
    potcars: dict[str, str] = Field(
        default={"Li": "Li_sv", "Cu": "Cu_pv"},
        min_length=1,
        description="potential by element (not in the paper: those of Materials Project, MatPES)",
    )
    encut: Annotated[float, Field(ge=200, le=2000)] = Field(
        default=PAPER_CUTOFF, description="plane-wave cutoff, eV (paper: 520)"
    )
    ediff: Annotated[float, Field(ge=1e-12, le=1e-2)] = Field(
        default=1e-5, description="change of energy that ends the electronic loop, eV (paper: 1e-5)"
    )
    kpoint_length: Annotated[float, Field(ge=5, le=100)] = Field(
        default=PAPER_KPOINT_LENGTH,
        description="least number of divisions times lattice constant, Å (paper: 32)",
    )
    smearing: Literal["methfessel-paxton", "gaussian"] = Field(
        default="methfessel-paxton",
        description="of order 1 or Gaussian; never tetrahedra, whose forces are wrong for metals",
    )
    smearing_width: Annotated[float, Field(ge=1e-4, le=0.5)] = Field(
        default=0.1, description="SIGMA, eV (the paper does not say)"
    )
    spin_polarized: bool = Field(
        default=False, description="ISPIN=2, at twice the cost; needed for magnetic elements"
    )
    pbe_start: bool = Field(
        default=True, description="start r2SCAN from the orbitals of a PBE calculation"
    )
    incar: dict[str, IncarValue] = Field(
        default={}, description="INCAR tags of all tasks that replace or join those chosen here"
    )
    vasp_cmd: str | None = Field(
        default=None,
        description="command that runs VASP; else VASP_CMD, else that of atomate2's settings",
    )
    wall_time: Annotated[int, Field(ge=60, le=10**8)] | None = Field(
        default=None,
        description="wall time a job has, s; else CUPROLITH_WALL_TIME. VASP is stopped cleanly "
        "before its end",
    )
    parallel: ParallelSettings = ParallelSettings()
    max_errors: Count = Field(
        default=5, description="corrections by custodian before a run is given up"
    )
    max_restarts: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=2, description="restarts of a run that died, as long as each adds ionic steps"
    )
    frozen_after: Annotated[int, Field(ge=10, le=10**8)] = Field(
        default=21_600, description="seconds without output after which VASP counts as frozen"
    )

    @field_validator("vasp_cmd")
    @classmethod
    def _is_a_command(cls, command: str | None) -> str | None:
        if command is not None and not shlex.split(command):
            raise ValueError("empty: give a command such as `srun vasp_std`")
        return command

    @field_validator("incar")
    @classmethod
    def _as_written(cls, incar: dict[str, IncarValue]) -> dict[str, IncarValue]:
        written: dict[str, IncarValue] = {}
        for given, value in incar.items():
            tag, meant = written_override(given, value)
            if tag in written:
                raise ValueError(f"incar: {tag} is given twice, in other letters: remove one")
            written[tag] = meant
        return written

    @model_validator(mode="after")
    def _possible(self) -> VaspSettings:
        for tag, value in self.incar.items():
            reason = refused_override(tag, value, self.functional, self.incar)
            if reason:
                raise ValueError(f"incar: {tag} = {value}: {reason}")
        for element, symbol in self.potcars.items():
            found = _POTCAR.fullmatch(symbol)  # it names a folder, too
            if found is None or found[1] != element:
                raise ValueError(
                    f"potcars: {symbol!r} is no potential of {element}: write one such as "
                    "`Li: Li_sv`"
                )
        return self

    @property
    def functional_label(self) -> str:
        """Name of the functional as frames bear it."""
        return LABELS[self.functional]

    @property
    def command(self) -> str:
        """Command that runs VASP: the campaign's, VASP_CMD's, or that of atomate2's settings."""
        if self.vasp_cmd is not None:
            return self.vasp_cmd
        if os.environ.get("VASP_CMD"):
            return os.environ["VASP_CMD"]
        from atomate2 import SETTINGS

        return str(SETTINGS.VASP_CMD)

    @property
    def seconds_of_job(self) -> int | None:
        """Wall time that a job has, s: the campaign's, or that of the worker it runs on."""
        if self.wall_time is not None:
            return self.wall_time
        given = os.environ.get("CUPROLITH_WALL_TIME")
        return int(given) if given else None

    @property
    def program(self) -> VaspProgram:
        """Program that the command runs: VASP, or another in its place."""
        return program_of_command(self.command)


class VaspEngineSettings(EngineSettings):
    """Settings of the engine ``vasp``."""

    name: Literal["vasp"] = "vasp"
    vasp: VaspSettings = VaspSettings()

    @property
    def kpoint_length(self) -> float:
        """Length of k-point meshes, Å."""
        return self.vasp.kpoint_length
