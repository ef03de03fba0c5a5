"""Placeholders for POTCARs: true headers with no pseudopotential behind them.

TITEL, VRHFIN, LEXCH and ZVAL come from pymatgen's summary of the published POTCARs, which holds
no pseudopotential data either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from ase.data import atomic_masses, atomic_numbers
from monty.serialization import loadfn
from pymatgen.io.vasp.inputs import POTCAR_FUNCTIONAL_MAP, POTCAR_STATS_PATH

from cuprolith.errors import CuprolithError
from workflows.vasp_rehearsal import MARK

_TITEL = re.compile(
    r"^(PAW_PBE|PAW_RPBE|PAW_GGA|PAW|US|NC|AE|)(.+?)(\d{2}[A-Z][A-Za-z]{2}\d{4}.*)?$"
)
_POMASS = {"Li": 7.010}
"""Masses (u) in POTCARs that are not the standard ones."""


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
    texts = {symbol: placeholder(symbol, family) for symbol in symbols}
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


def placeholder(symbol: str, family: str) -> str:
    """Return a file that pymatgen parses and no one can mistake for a pseudopotential.

    Raises
    ------
    CuprolithError
        If pymatgen knows no such release or no such POTCAR in it.
    """
    summary = _published_potcars()
    if family not in summary:
        raise _unknown(f"no release of POTCARs is called {family!r}", summary)
    published = [(titel, each) for titel, found in summary[family].items() for each in found]
    for compact, variant in published:
        if variant["symbol"] == symbol:
            return placeholder_text(compact, variant)
    element = symbol.partition("_")[0]
    alike = {variant["symbol"] for _, variant in published}
    near = sorted(name for name in alike if name.split("_")[0] == element)
    raise _unknown(f"{family} has no POTCAR {symbol!r}", near)


def placeholder_text(compact: str, variant: dict[str, Any]) -> str:
    """Return the text for a TITEL that pymatgen keeps without spaces, and what it says of it."""
    words = _TITEL.findall(compact)[0]
    element = re.findall("[A-Z][a-z]?", words[1])[0]
    pomass = _POMASS.get(element, float(atomic_masses[atomic_numbers[element]]))
    titel, zval = " ".join(word for word in words if word), float(variant["ZVAL"])
    paw = "T" if titel.startswith("PAW") else "F"
    return (
        f"  {titel}\n   {zval:.14f}\n parameters from PSCTR are:\n"
        f"   VRHFIN ={variant['VRHFIN']}\n   LEXCH  = {variant['LEXCH']}\n"
        f"   TITEL  = {titel}\n   COPYR  = {MARK}\n"
        f"   LULTRA =        F    use ultrasoft PP ?\n   LPAW   =        {paw}    paw PP\n"
        f"   POMASS = {pomass:8.3f}; ZVAL   = {zval:8.3f}    mass and valenz\n"
        f"END of PSCTR-controll parameters\n {MARK}\n 0.0\n End of Dataset\n"
    )


def _unknown(message: str, known: Iterable[str]) -> CuprolithError:
    names = ", ".join(known)
    remedy = f"use one of {names}" if names else "name it as VASP does, e.g. Cu_pv"
    return CuprolithError(message, where="placeholder POTCARs", remedy=remedy)


@lru_cache(maxsize=1)
def _published_potcars() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return pymatgen's summary by release and by TITEL without spaces."""
    summary: dict[str, dict[str, list[dict[str, Any]]]] = loadfn(POTCAR_STATS_PATH)
    return summary
