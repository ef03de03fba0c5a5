"""Settings of DFT engines that do not fit the elements of a campaign: warnings, no refusals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from cuprolith.words import listed

if TYPE_CHECKING:
    from pymatgen.core import Composition, Structure

_MAGNETIC_3D = {"Cr", "Mn", "Fe", "Co", "Ni"}
# Whose f shell is empty or full, so that they are no magnets.
_NOT_MAGNETIC_F = {"La", "Yb", "Lu", "Ac", "Th", "Pa"}


def elements_of(structures: Iterable[Structure]) -> list[str]:
    """Return the symbols of all elements, by atomic number."""
    from pymatgen.core import Element

    numbers = {number for structure in structures for number in structure.atomic_numbers}
    return [Element.from_Z(number).symbol for number in sorted(numbers)]


def magnetic_elements(
    elements: Sequence[str], solids: Sequence[Composition], remedy: str
) -> list[str]:
    """Warn of elements that can be magnetic, for engines that compute without spin.

    Parameters
    ----------
    elements, solids
        Symbols of all elements of the campaign, and compositions of its crystals and mixtures.
    remedy
        What to do about it.
    """
    magnetic = [symbol for symbol in elements if _is_magnetic(symbol)]
    if any(set(solid.chemical_system.split("-")) == {"O"} for solid in solids):
        magnetic.append("O (as O2)")
    return [f"{listed(magnetic)} can be magnetic: {remedy}"] if magnetic else []


def _is_magnetic(symbol: str) -> bool:
    return symbol in _MAGNETIC_3D or (_is_f_metal(symbol) and symbol not in _NOT_MAGNETIC_F)


def _is_f_metal(symbol: str) -> bool:
    from pymatgen.core import Element

    element = Element(symbol)
    return bool(element.is_lanthanoid or element.is_actinoid)


def smearing_of_metals(key: str, smearing: str, solids: Sequence[Composition]) -> list[str]:
    """Warn of insulators with Methfessel and Paxton's occupations.

    These may be negative, which is harmless in metals only. A solid that is not made of metals
    alone may be an insulator; metallic carbides and nitrides get the warning, too.

    Parameters
    ----------
    key
        Key of the setting, such as ``engine.vasp.smearing``.
    smearing
        Its value.
    """
    from pymatgen.core import Element

    insulators = sorted(
        {
            solid.reduced_formula
            for solid in solids
            if not all(Element(element.symbol).is_metal for element in solid)
        }
    )
    if smearing != "methfessel-paxton" or not insulators:
        return []
    return [
        f"{listed(insulators)} may be an insulator or a semiconductor: {key} is {smearing}, which "
        "is for metals; set it to gaussian, with smearing_width: 0.05"
    ]


def with_f_electrons(elements: Sequence[str]) -> list[str]:
    """Return the symbols of elements that may have f electrons."""
    return [symbol for symbol in elements if _is_f_metal(symbol)]
