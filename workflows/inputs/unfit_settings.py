"""Settings of a DFT engine that do not fit the elements of a campaign: warnings, no refusals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pymatgen.core import Composition, Element, Structure

from workflows.labelling.settings import EngineSettings

_MAGNETIC_3D = {"Cr", "Mn", "Fe", "Co", "Ni"}
# Whose f shell is empty or full, so that they are no magnets.
_NOT_MAGNETIC_F = {"La", "Yb", "Lu", "Ac", "Th", "Pa"}
_FOR_F_ELECTRONS = 6  # LMAXMIX


def elements_of(structures: Iterable[Structure]) -> list[str]:
    """Return the symbols of all elements, by atomic number."""
    numbers = {number for structure in structures for number in structure.atomic_numbers}
    return [Element.from_Z(number).symbol for number in sorted(numbers)]


def unfit_settings(
    settings: EngineSettings, elements: Sequence[str], solids: Iterable[Composition]
) -> list[str]:
    """Warn of settings of VASP or GPAW that are doubtful for these elements.

    Parameters
    ----------
    settings
        The engine.
    elements
        Symbols of all elements of the campaign.
    solids
        Compositions of its crystals and mixtures. One that is not made of metals alone may be an
        insulator; metallic carbides and nitrides get that warning too.

    Returns
    -------
    list
        A line for each, with the key to change; empty for engines that compute no electrons.
    """
    solids = list(solids)
    if settings.name == "vasp":
        return [
            *_spin(settings, elements, solids),
            *_smearing("vasp", settings.vasp.smearing, solids),
            *_mixing(settings, elements),
        ]
    if settings.name == "gpaw":
        return [
            *_spin(settings, elements, solids),
            *_smearing("gpaw", settings.gpaw.smearing, solids),
        ]
    return []


def _spin(
    settings: EngineSettings, elements: Sequence[str], solids: Sequence[Composition]
) -> list[str]:
    if settings.name == "vasp" and settings.vasp.spin_polarized:
        return []
    magnetic = [symbol for symbol in elements if _is_magnetic(symbol)]
    if any(set(solid.chemical_system.split("-")) == {"O"} for solid in solids):
        magnetic.append("O (as O2)")
    if not magnetic:
        return []
    remedy = (
        "engine.vasp.spin_polarized is false (ISPIN = 1); set it to true, at about twice the cost"
        if settings.name == "vasp"
        else "the engine gpaw computes without spin polarization; label with vasp"
    )
    return [f"{_listed(magnetic)} can be magnetic: {remedy}"]


def _is_magnetic(symbol: str) -> bool:
    element = Element(symbol)
    f_metal = element.is_lanthanoid or element.is_actinoid
    return symbol in _MAGNETIC_3D or (f_metal and symbol not in _NOT_MAGNETIC_F)


def _smearing(engine: str, smearing: str, solids: Sequence[Composition]) -> list[str]:
    """Methfessel and Paxton's occupations may be negative, which is harmless in metals only."""
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
        f"{_listed(insulators)} may be an insulator or a semiconductor: "
        f"engine.{engine}.smearing is {smearing}, which is for metals; set it to gaussian, with "
        "smearing_width: 0.05"
    ]


def _mixing(settings: EngineSettings, elements: Sequence[str]) -> list[str]:
    with_f = [e for e in elements if Element(e).is_lanthanoid or Element(e).is_actinoid]
    given = settings.vasp.incar.get("LMAXMIX", 4)
    if not with_f or (isinstance(given, int | float) and given >= _FOR_F_ELECTRONS):
        return []
    return [f"{_listed(with_f)} may have f electrons: add LMAXMIX: 6 to engine.vasp.incar"]


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
