"""Placeholders for POTCARs: true headers with no pseudopotential behind them.

TITEL, VRHFIN, LEXCH and ZVAL come from pymatgen's summary of the published POTCARs, which holds
no pseudopotential data either. ENMAX is known for the elements listed here; where it is not, the
line is left out and INCAR must state ENCUT.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ase.data import atomic_masses, atomic_numbers
from monty.serialization import loadfn
from pymatgen.io.vasp.inputs import POTCAR_FUNCTIONAL_MAP, POTCAR_STATS_PATH

from cuprolith.errors import CuprolithError
from workflows.vasp_rehearsal.program import MARK

_ENMAX = {
    "Li 17Jan2003": 140.000,
    "Li_sv 10Sep2004": 499.034,
    "Cu 22Jun2005": 295.446,
    "Cu_pv 06Sep2000": 368.648,
    "H 15Jun2001": 250.000,
    "C 08Apr2002": 400.000,
    "N 08Apr2002": 400.000,
    "O 08Apr2002": 400.000,
    "Na 08Apr2002": 101.968,
    "Na_pv 19Sep2006": 259.561,
    "Mg 13Apr2007": 200.000,
    "Al 04Jan2001": 240.300,
    "Si 05Jan2001": 245.345,
    "Fe 06Sep2000": 267.882,
    "Ni 02Aug2007": 269.532,
    "Ni_pv 06Sep2000": 367.986,
    "Ag 02Apr2005": 249.844,
    "Sn_d 06Sep2000": 241.083,
    "Pt 04Feb2005": 230.283,
    "Au 04Oct2007": 229.943,
}
"""ENMAX (eV) by the second and third word of TITEL."""

_TITEL = re.compile(
    r"^(PAW_PBE|PAW_RPBE|PAW_GGA|PAW|US|NC|AE|)(.+?)(\d{2}[A-Z][A-Za-z]{2}\d{4}.*)?$"
)

_POMASS = {"Li": 7.010}
"""Masses (u) in POTCARs that are not the standard ones."""


@dataclass(frozen=True)
class PotcarFacts:
    """What the header of a POTCAR says."""

    symbol: str
    titel: str
    vrhfin: str
    lexch: str
    zval: float
    pomass: float
    enmax: float | None

    def text(self) -> str:
        """Return a file that pymatgen parses and no one can mistake for a pseudopotential."""
        enmax = "" if self.enmax is None else f"   ENMAX  = {self.enmax:8.3f} eV\n"
        paw = "T" if self.titel.startswith("PAW") else "F"
        return (
            f"  {self.titel}\n   {self.zval:.14f}\n parameters from PSCTR are:\n"
            f"   VRHFIN ={self.vrhfin}\n   LEXCH  = {self.lexch}\n"
            f"   TITEL  = {self.titel}\n   COPYR  = {MARK}\n"
            f"   LULTRA =        F    use ultrasoft PP ?\n   LPAW   =        {paw}    paw PP\n"
            f"   POMASS = {self.pomass:8.3f}; ZVAL   = {self.zval:8.3f}    mass and valenz\n"
            f"{enmax}END of PSCTR-controll parameters\n {MARK}\n 0.0\n End of Dataset\n"
        )


def write_placeholder_potcars(
    directory: Path, family: str = "PBE_54", symbols: Iterable[str] = ("Li_sv", "Cu_pv")
) -> list[Path]:
    """Write placeholders where pymatgen looks for POTCARs if PMG_VASP_PSP_DIR is `directory`.

    Parameters
    ----------
    family
        pymatgen's name of the POTCAR release, such as ``PBE_54`` or ``PBE_64``.
    symbols
        Names of POTCARs, such as ``Cu_pv``.

    Returns
    -------
    list of Path
        The files written, in the order of `symbols`.

    Raises
    ------
    CuprolithError
        If the release has no such POTCAR, or `directory` holds a POTCAR that is no placeholder.
    """
    # All symbols are looked up before the first file is written.
    texts = {symbol: potcar_facts(symbol, family).text() for symbol in symbols}
    paths = []
    for symbol, text in texts.items():
        path = placeholder_path(directory, family, symbol)
        if path.is_file() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
            raise CuprolithError(
                "this is not a placeholder and will not be overwritten",
                where=str(path),
                remedy="write the placeholders to a folder of their own",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def placeholder_path(directory: Path, family: str, symbol: str) -> Path:
    """Return where pymatgen looks for a POTCAR if PMG_VASP_PSP_DIR is `directory`."""
    return directory / POTCAR_FUNCTIONAL_MAP.get(family, family) / f"POTCAR.{symbol}"


def potcar_facts(symbol: str, family: str) -> PotcarFacts:
    """Return the header facts of a POTCAR.

    Raises
    ------
    CuprolithError
        If pymatgen knows no such release or no such POTCAR in it.
    """
    summary = _published_potcars()
    if family not in summary:
        raise CuprolithError(
            f"no release of POTCARs is called {family!r}",
            where="placeholder POTCARs",
            remedy=f"use one of {', '.join(summary)}",
        )
    for compact, variants in summary[family].items():
        for variant in variants:
            if variant["symbol"] == symbol:
                return potcar_facts_of(compact, variant)
    element = symbol.partition("_")[0]
    alike = {v["symbol"] for each in summary[family].values() for v in each}
    near = sorted(name for name in alike if name.split("_")[0] == element)
    raise CuprolithError(
        f"{family} has no POTCAR {symbol!r}",
        where="placeholder POTCARs",
        remedy=f"use one of {', '.join(near)}" if near else "name it as VASP does, e.g. Cu_pv",
    )


@lru_cache(maxsize=1)
def _published_potcars() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return pymatgen's summary by release and by TITEL without spaces."""
    summary: dict[str, dict[str, list[dict[str, Any]]]] = loadfn(POTCAR_STATS_PATH)
    return summary


def potcar_facts_of(compact: str, variant: dict[str, Any]) -> PotcarFacts:
    """Expand a TITEL that pymatgen keeps without spaces; its name may differ from the symbol."""
    words = _TITEL.findall(compact)[0]
    element = re.findall("[A-Z][a-z]?", words[1])[0]
    return PotcarFacts(
        symbol=variant["symbol"],
        titel=" ".join(word for word in words if word),
        vrhfin=variant["VRHFIN"],
        lexch=variant["LEXCH"],
        zval=float(variant["ZVAL"]),
        pomass=_POMASS.get(element, float(atomic_masses[atomic_numbers[element]])),
        enmax=_ENMAX.get(f"{words[1]} {words[2]}"),
    )
