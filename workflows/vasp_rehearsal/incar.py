"""What INCAR asks of a run, with VASP's defaults, and what the rehearsal refuses to do."""

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
    ibrion: int
    nsw: int
    isif: int
    ediff: float
    ediffg: float
    nelm: int
    potim: float
    tebeg: float
    teend: float
    mdalgo: int
    smass: float
    ismear: int
    sigma: float
    ispin: int
    encut: float
    kspacing: float
    seed: int | None

    @property
    def n_steps(self) -> int:
        """Number of ionic steps at most."""
        return 1 if self.motion == "static" else self.nsw

    @property
    def labels_stress(self) -> bool:
        """Whether the stress is written (ISIF = 0 leaves it out)."""
        return self.isif > 0


def run_settings(incar: Mapping[str, Any], enmax: float | None) -> RunSettings:
    """Read the settings of a run.

    Parameters
    ----------
    incar
        INCAR as pymatgen reads it.
    enmax
        Largest ENMAX of POTCAR in eV, the default of ENCUT; None where POTCAR does not say.

    Raises
    ------
    CuprolithError
        If INCAR asks for what the rehearsal does not do, or leaves out what VASP demands.
    """
    nsw = int(incar.get("NSW", 0))
    ibrion = int(incar.get("IBRION", -1 if nsw in (-1, 0) else 0))
    motion = _motion(ibrion, nsw)
    isif = int(incar.get("ISIF", 0 if motion == "md" else 2))
    ediff = float(incar.get("EDIFF", 1e-4))
    tebeg = float(incar.get("TEBEG", 0.0))
    settings = RunSettings(
        motion=motion,
        ibrion=ibrion,
        nsw=nsw,
        isif=isif,
        ediff=ediff,
        ediffg=float(incar.get("EDIFFG", 10 * ediff)),
        nelm=int(incar.get("NELM", 60)),
        potim=float(incar.get("POTIM", 0.0 if motion == "md" else 0.5)),
        tebeg=tebeg,
        teend=float(incar.get("TEEND", tebeg)),
        mdalgo=int(incar.get("MDALGO", 0)),
        smass=float(incar.get("SMASS", -3)),
        ismear=int(incar.get("ISMEAR", 1)),
        sigma=float(incar.get("SIGMA", 0.2)),
        ispin=int(incar.get("ISPIN", 1)),
        encut=_cutoff(incar, enmax),
        kspacing=float(incar.get("KSPACING", 0.5)),
        seed=_seed(incar.get("RANDOM_SEED")),
    )
    _refuse_the_impossible(settings)
    return settings


def _motion(ibrion: int, nsw: int) -> Motion:
    if ibrion == -1 or nsw <= 0:
        return "static"
    if ibrion == 0:
        return "md"
    if ibrion in {1, 2, 3}:
        return "relax"
    raise _refusal(f"IBRION = {ibrion} is not rehearsed", "IBRION", "use -1, 0, 1, 2 or 3")


def _cutoff(incar: Mapping[str, Any], enmax: float | None) -> float:
    if "ENCUT" in incar:
        return float(incar["ENCUT"])
    if enmax is None:
        raise _refusal("no ENCUT, and POTCAR states no ENMAX", "ENCUT", "set ENCUT (eV)")
    return enmax


def _seed(value: Any) -> int | None:
    """RANDOM_SEED is three integers; pymatgen may give them as a list or as text."""
    if value is None:
        return None
    first = str(value).strip("[]").replace(",", " ").split()[0]
    return int(float(first))


def _refuse_the_impossible(settings: RunSettings) -> None:
    if settings.motion != "static" and settings.isif not in {0, 1, 2}:
        raise _refusal(
            f"ISIF = {settings.isif} lets the cell change, which is not rehearsed",
            "ISIF",
            "set ISIF = 2",
        )
    if settings.motion != "md":
        return
    if settings.potim <= 0:
        raise _refusal("molecular dynamics needs a time step", "POTIM", "set POTIM (fs)")
    if settings.mdalgo not in {0, 2}:
        raise _refusal(
            f"MDALGO = {settings.mdalgo} is not rehearsed",
            "MDALGO",
            "use MDALGO = 2 (Nosé–Hoover) or leave it out",
        )
    if settings.smass < 0 and settings.smass != -3:
        raise _refusal(
            f"SMASS = {settings.smass:g} is not rehearsed",
            "SMASS",
            "use SMASS ≥ 0 (Nosé–Hoover) or -3 (constant energy)",
        )
    if settings.smass >= 0 and settings.tebeg <= 0:
        raise _refusal("a thermostat needs a temperature", "TEBEG", "set TEBEG (K)")


def _refusal(message: str, key: str, remedy: str) -> CuprolithError:
    return CuprolithError(message, where="INCAR", key=key, remedy=remedy)
