"""The ``<parameters>`` of vasprun.xml: VASP's defaults, overridden by INCAR."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from workflows.vasp_rehearsal.inputs import RunInputs

Value = bool | int | float | str | list[float]

_IALGO = {"normal": 38, "veryfast": 48, "fast": 68, "all": 58, "damped": 53, "none": 2}


def parameters_of(inputs: RunInputs) -> dict[str, dict[str, Value]]:
    """Return the parameters of a run by section, as VASP fills them in."""
    defaults = {**_electronic(inputs), **_ionic(inputs), **_treatment()}
    return {
        section: {name: _overridden(name, value, inputs) for name, value in tags.items()}
        for section, tags in defaults.items()
    }


def _electronic(inputs: RunInputs) -> dict[str, dict[str, Value]]:
    settings = inputs.settings
    algorithm = str(inputs.incar.get("ALGO", "Normal")).lower()
    return {
        "general": {"SYSTEM": "unknown system", "LCOMPAT": False},
        "electronic": {
            "PREC": "normal",
            "ENMAX": settings.encut,
            "ENAUG": 2 * settings.encut,
            "EDIFF": settings.ediff,
            "IALGO": _IALGO.get(algorithm, 38),
            "NBANDS": inputs.n_bands,
            "NELECT": inputs.n_electrons,
        },
        "electronic smearing": {
            "ISMEAR": settings.ismear,
            "SIGMA": settings.sigma,
            "KSPACING": settings.kspacing,
            "KGAMMA": True,
        },
        "electronic projectors": {"LREAL": False, "LMAXPAW": -100, "LMAXMIX": 2},
        "electronic startup": {"ISTART": 0, "ICHARG": 2, "INIWAV": 1},
        "electronic spin": {
            "ISPIN": settings.ispin,
            "LNONCOLLINEAR": False,
            "MAGMOM": [1.0] * len(inputs.atoms),
            "NUPDOWN": -1.0,
            "LSORBIT": False,
        },
        "electronic exchange-correlation": {"LASPH": False, "LMETAGGA": _is_metagga(inputs)},
        "electronic convergence": {"NELM": settings.nelm, "NELMDL": -5, "NELMIN": 2},
        "electronic mixer": {"AMIX": 0.4, "BMIX": 1.0, "AMIN": 0.1, "IMIX": 4},
        "electronic dipolcorrection": {"LDIPOL": False, "LMONO": False, "IDIPOL": 0},
        "grids": {
            **dict(zip(("NGX", "NGY", "NGZ"), grid(inputs), strict=True)),
            **dict(zip(("NGXF", "NGYF", "NGZF"), (2 * n for n in grid(inputs)), strict=True)),
            "ADDGRID": False,
        },
    }


def _ionic(inputs: RunInputs) -> dict[str, dict[str, Value]]:
    settings = inputs.settings
    return {
        "ionic": {
            "NSW": settings.nsw,
            "IBRION": settings.ibrion,
            "MDALGO": settings.mdalgo,
            "ISIF": settings.isif,
            "PSTRESS": 0.0,
            "EDIFFG": settings.ediffg,
            "NFREE": 0,
            "POTIM": settings.potim,
            "SMASS": settings.smass,
            "SCALEE": 1.0,
        },
        "ionic md": {
            "TEBEG": settings.tebeg,
            "TEEND": settings.teend,
            "NBLOCK": 1,
            "KBLOCK": max(settings.nsw, 1),
        },
        "symmetry": {"ISYM": 2, "SYMPREC": 1e-5},
        "dos": {"LORBIT": 0, "NEDOS": 301, "EFERMI": 0.0},
        "writing": {
            "NWRITE": 2,
            "LWAVE": True,
            "LCHARG": True,
            "LVTOT": False,
            "LVHAR": False,
            "LELF": False,
            "LOPTICS": False,
        },
        "performance": {"NPAR": 1, "NCORE": 1, "KPAR": 1, "NSIM": 4, "LPLANE": True},
        "miscellaneous": {"POMASS": [kind.mass for kind in inputs.species], "LCORR": True},
    }


def _treatment() -> dict[str, dict[str, Value]]:
    return {
        "": {"GGA_COMPAT": True, "LBERRY": False, "ICORELEVEL": 0, "LDAU": False},
        "exchange-correlation": {
            "GGA": "--",
            "METAGGA": "--",
            "VOSKOWN": 0,
            "LHFCALC": False,
            "AEXX": 0.0,
            "HFSCREEN": 0.0,
            "LMIXTAU": False,
        },
        "vdW DFT": {"LUSE_VDW": False, "IVDW": 0},
        "linear response parameters": {"LEPSILON": False, "LRPA": False},
        "orbital magnetization": {"LCHIMAG": False},
    }


def _is_metagga(inputs: RunInputs) -> bool:
    return str(inputs.incar.get("METAGGA", "--")).lower() not in {"--", "none"}


def _overridden(name: str, default: Value, inputs: RunInputs) -> Value:
    """Return what INCAR says, in the type of the default; VASP keeps six letters of PREC."""
    if name not in inputs.incar:
        return default
    value: Any = inputs.incar[name]
    if name == "PREC":
        return str(value).lower()[:6]
    if name == "LREAL":
        return str(value)[0].upper() not in {"F", "."} or str(value).upper().startswith(".T")
    if isinstance(default, list):
        return [float(number) for number in value] if isinstance(value, list) else default
    return type(default)(value)


def grid(inputs: RunInputs) -> tuple[int, int, int]:
    """Return the coarse FFT grid: it holds 3/2 of the largest reciprocal vector, made even."""
    reach = np.sqrt(inputs.settings.encut / 3.80998212) / (2 * np.pi)  # ħ²/2m in eV Å²
    counts = np.ceil(3 * reach * inputs.atoms.cell.lengths() / 2) * 2
    return (int(counts[0]), int(counts[1]), int(counts[2]))


def plane_waves(inputs: RunInputs) -> int:
    """Return the number of plane waves below ENCUT."""
    wave_number = np.sqrt(inputs.settings.encut / 3.80998212)
    return int(inputs.atoms.get_volume() * wave_number**3 / (6 * np.pi**2))


def elements(tags: dict[str, Value], indent: str) -> Iterator[str]:
    """Yield tags as ``<i>`` and ``<v>`` elements."""
    for name, value in tags.items():
        if isinstance(value, bool):
            yield f'{indent}<i type="logical" name="{name}"> {"T" if value else "F"}  </i>\n'
        elif isinstance(value, int):
            yield f'{indent}<i type="int" name="{name}">{value:6d}</i>\n'
        elif isinstance(value, float):
            yield f'{indent}<i name="{name}">{value:16.8f}</i>\n'
        elif isinstance(value, list):
            numbers = "".join(f"{float(number):16.8f}" for number in value)
            yield f'{indent}<v name="{name}">{numbers}</v>\n'
        else:
            yield f'{indent}<i type="string" name="{name}">{value}</i>\n'
