"""Read an INCAR with VASP's defaults, and refuse what the rehearsal cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cuprolith.errors import CuprolithError

Motion = Literal["static", "relax", "md"]


@dataclass(frozen=True)
class RunSettings:
    """The tags that decide what a rehearsal does, named as in INCAR (eV, Å, fs, K)."""

    motion: Motion
    nsw: int
    isif: int
    ediff: float
    ediffg: float
    nelm: int
    potim: float
    tebeg: float
    teend: float
    smass: float
    ismear: int
    sigma: float

    @property
    def n_steps(self) -> int:
        """Number of ionic steps at most."""
        return 1 if self.motion == "static" else self.nsw


def run_settings(incar: Mapping[str, Any]) -> RunSettings:
    """Read the settings of a run from INCAR as pymatgen reads it.

    Raises
    ------
    CuprolithError
        If INCAR asks for what the rehearsal does not do, or leaves out what VASP demands.
    """
    nsw = int(incar.get("NSW", 0))
    motion = _motion(int(incar.get("IBRION", -1 if nsw in (-1, 0) else 0)), nsw)
    ediff = float(incar.get("EDIFF", 1e-4))
    tebeg = float(incar.get("TEBEG", 0.0))
    settings = RunSettings(
        motion=motion,
        nsw=nsw,
        isif=int(incar.get("ISIF", 0 if motion == "md" else 2)),
        ediff=ediff,
        ediffg=float(incar.get("EDIFFG", 10 * ediff)),
        nelm=int(incar.get("NELM", 60)),
        potim=float(incar.get("POTIM", 0.0 if motion == "md" else 0.5)),
        tebeg=tebeg,
        teend=float(incar.get("TEEND", tebeg)),
        smass=float(incar.get("SMASS", -3)),
        ismear=int(incar.get("ISMEAR", 1)),
        sigma=float(incar.get("SIGMA", 0.2)),
    )
    _require_possible(settings, int(incar.get("MDALGO", 0)))
    return settings


def _motion(ibrion: int, nsw: int) -> Motion:
    if ibrion == -1 or nsw <= 0:
        return "static"
    if ibrion == 0:
        return "md"
    if ibrion in {1, 2, 3}:
        return "relax"
    raise _refusal(f"IBRION = {ibrion} is not rehearsed", "IBRION", "use -1, 0, 1, 2 or 3")


def _require_possible(settings: RunSettings, mdalgo: int) -> None:
    if settings.motion != "static" and settings.isif not in {0, 1, 2}:
        changes = f"ISIF = {settings.isif} lets the cell change, which is not rehearsed"
        raise _refusal(changes, "ISIF", "set ISIF = 2")
    if settings.motion != "md":
        return
    if settings.potim <= 0:
        raise _refusal("molecular dynamics needs a time step", "POTIM", "set POTIM (fs)")
    if mdalgo not in {0, 2}:
        remedy = "use MDALGO = 2 (Nosé–Hoover) or leave it out"
        raise _refusal(f"MDALGO = {mdalgo} is not rehearsed", "MDALGO", remedy)
    if settings.smass <= 0 and settings.smass != -3:
        remedy = "use SMASS > 0 (Nosé–Hoover) or -3 (constant energy)"
        raise _refusal(f"SMASS = {settings.smass:g} is not rehearsed", "SMASS", remedy)
    if settings.smass > 0 and settings.tebeg <= 0:
        raise _refusal("a thermostat needs a temperature", "TEBEG", "set TEBEG (K)")


def _refusal(message: str, key: str, remedy: str) -> CuprolithError:
    return CuprolithError(message, where="INCAR", key=key, remedy=remedy)
