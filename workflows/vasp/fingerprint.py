"""The fingerprint of VASP's settings: what decides the label of given positions, and no more.

Left out on purpose: how the calculation was driven (ALGO, NCORE, ISYM, IBRION, restarts), what
belongs to one structure (MAGMOM, dipole corrections, the mesh itself), and which species it has.
Potentials are compared element by element.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# VASP's defaults (https://www.vasp.at/wiki, one page per tag). An ENCUT that is not set depends on
# the POTCARs: it is read back from vasprun.xml's ENMAX.
_DEFAULTS: dict[str, Any] = {
    "ENCUT": None,
    "PREC": "NORMAL",
    "EDIFF": 1e-4,
    "ISMEAR": 1,
    "SIGMA": 0.2,
    "ISPIN": 1,
    "LASPH": False,
    "LREAL": False,
    "ADDGRID": False,
    "LMAXMIX": 2,
    "LSORBIT": False,
    "EFIELD": 0.0,
    "IVDW": 0,
    "LUSE_VDW": False,
    "LHFCALC": False,
    "LDAU": False,
}
_HYBRID_DEFAULTS = {"AEXX": 0.25, "HFSCREEN": 0.0, "PRECFOCK": "NORMAL"}
_HUBBARD = ("LDAUTYPE", "LDAUL", "LDAUU", "LDAUJ")
# VASP's fixed columns cut names short ("R2SCA", "accura"); letters that decide:
_PRECISIONS = {
    "N": "NORMAL",
    "A": "ACCURATE",
    "S": "SINGLE",
    "H": "HIGH",
    "M": "MEDIUM",
    "L": "LOW",
}
_FUNCTIONALS = {
    "PE": "PBE",
    "PS": "PBEsol",
    "RP": "RPBE",
    "RE": "revPBE",
    "CA": "LDA",
    "91": "PW91",
}
_META = {"R2SCA": "r2SCAN", "RSCAN": "rSCAN", "SCAN": "SCAN", "TPSS": "TPSS", "RTPSS": "revTPSS"}
_UNSET = {"", "--", "-", "NONE", "F", "FALSE"}
# Written by VASP with so many decimals; finer differences are no differences.
_SIGNIFICANT = 6


@dataclass(frozen=True)
class Fingerprint:
    """Settings of a run and their hash.

    Attributes
    ----------
    hash
        12 hexadecimal digits, of ``settings`` alone.
    settings
        By INCAR tag, defaults filled in; ``functional``; ``potential`` (PAW_PBE, ...);
        ``kpoint_length`` in Å.
    potcars
        TITEL by element; not in the hash, since structures differ in their elements.
    """

    hash: str
    settings: dict[str, Any]
    potcars: dict[str, str]

    @property
    def functional(self) -> str:
        """Level of theory, e.g. ``r2SCAN`` or ``PBE+U``."""
        return str(self.settings["functional"])

    def with_kpoint_length(self, length: float | None) -> Fingerprint:
        """Return the fingerprint of the same settings with other meshes (Å)."""
        settings = {**self.settings, "kpoint_length": _plain(length)}
        return Fingerprint(_hash(settings), settings, self.potcars)


def settings_fingerprint(
    incar: Mapping[str, Any], potcar_titles: Sequence[str], kpoint_length: float | None
) -> Fingerprint:
    """Return the fingerprint of settings as written to an INCAR or as read back from a run.

    Parameters
    ----------
    incar
        INCAR tags; those left out take VASP's defaults.
    potcar_titles
        TITEL of each POTCAR, e.g. ``"PAW_PBE Cu 22Jun2005"``.
    kpoint_length
        Number of divisions times lattice constant that the meshes were made for, Å; of runs read
        back see :func:`workflows.vasp.kpoint_lengths.common_length`. None if there is none.
    """
    tags = {key.upper(): value for key, value in incar.items() if value is not None}
    if "ENCUT" not in tags and "ENMAX" in tags:
        tags["ENCUT"] = tags["ENMAX"]
    settings = {tag: _plain(tags.get(tag, default)) for tag, default in _DEFAULTS.items()}
    settings["PREC"] = _PRECISIONS.get(str(settings["PREC"])[:1].upper(), settings["PREC"])
    settings["LREAL"] = _projection(settings["LREAL"])
    if settings["ISMEAR"] in {-5, -4}:  # tetrahedra have no width
        settings["SIGMA"] = 0.0
    if settings["LHFCALC"]:
        settings |= {tag: _plain(tags.get(tag, each)) for tag, each in _HYBRID_DEFAULTS.items()}
    if settings["LDAU"]:
        settings |= {tag: _plain(tags.get(tag)) for tag in _HUBBARD}
    families = sorted({title.split()[0] for title in potcar_titles})
    settings["functional"] = _functional(tags, families)
    settings["potential"] = "+".join(families)
    settings["kpoint_length"] = _plain(kpoint_length)
    potcars = {element_of(title): title for title in potcar_titles}
    return Fingerprint(_hash(settings), settings, potcars)


def drifted(expected: Fingerprint, found: Fingerprint) -> list[str]:
    """Return in words how settings differ, e.g. ``"ENCUT 400 vs 520"``; found comes first."""
    keys = sorted(expected.settings.keys() | found.settings.keys())
    differences = [
        f"{key} {_shown(found.settings.get(key))} vs {_shown(expected.settings.get(key))}"
        for key in keys
        if found.settings.get(key) != expected.settings.get(key)
    ]
    shared = sorted(expected.potcars.keys() & found.potcars.keys())
    return differences + [
        f"POTCAR {found.potcars[element]} vs {expected.potcars[element]}"
        for element in shared
        if found.potcars[element] != expected.potcars[element]
    ]


def element_of(title: str) -> str:
    """Return the element of a POTCAR, e.g. of ``PAW_PBE Li_sv 10Sep2004``."""
    words = title.split()
    return words[1 if len(words) > 1 else 0].split("_")[0]


def _hash(settings: Mapping[str, Any]) -> str:
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    """Return numbers as floats of limited digits, so that 520 and 520.0 are one setting."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return float(f"{value:.{_SIGNIFICANT}g}")
    return str(value).strip().upper()


def _projection(lreal: bool | str) -> str:
    """LREAL's meaning; ``A`` (Auto) and ``O`` (On) optimise the projectors differently."""
    word = str(lreal).strip(".").upper()
    return {"F": "reciprocal", "A": "automatic", "O": "on"}.get(word[:1], "real")


def _functional(tags: Mapping[str, Any], families: Sequence[str]) -> str:
    meta = str(tags.get("METAGGA", "")).strip().upper()
    gga = str(tags.get("GGA", "")).strip().upper()
    if meta not in _UNSET:
        name = next((_META[key] for key in _META if meta.startswith(key)), meta)
    elif gga not in _UNSET:
        name = _FUNCTIONALS.get(gga, gga)
    else:
        name = {"PAW_PBE": "PBE", "PAW_GGA": "PW91", "PAW": "LDA"}.get(
            "+".join(families), "unknown"
        )
    marks = {"+U": "LDAU", "+hybrid": "LHFCALC", "+vdW": "LUSE_VDW"}
    name += "".join(mark for mark, tag in marks.items() if tags.get(tag) is True)
    return name + (f"+IVDW{tags['IVDW']}" if tags.get("IVDW") else "")


def _shown(value: Any) -> str:
    return "unset" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
