"""INCAR tags that a campaign may not set itself, with the reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workflows.engines.vasp.not_labels import reasons_for_no_label

_TAG = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
# Letters, digits and marks that neither end a statement (; and line breaks), begin a comment
# (! and #), continue in the next line (\), begin another tag (=) nor enclose several lines (" { }).
_TEXT = re.compile(r"[A-Za-z0-9 ._+*:,/()<>@%|$&^~?'\[\]-]{1,500}")
_WHOLE_NUMBER = re.compile(r"[-+]?[0-9]{1,15}")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eEdD][-+]?[0-9]{1,3})?")
_LONGEST_LIST = 10_000
_LOGICAL = re.compile(r"\.(?:(T)|F)[A-Za-z]*\.?", re.IGNORECASE)

_OF_THE_CAMPAIGN = {
    "ENCUT": "encut",
    "EDIFF": "ediff",
    "ISPIN": "spin_polarized",
    "SIGMA": "smearing_width",
    "METAGGA": "functional",
    "GGA": "functional",
    "NCORE": "parallel.ncore",
    "KPAR": "parallel.kpar",
}
_OF_THE_TASK = {
    "NSW": "engine.relax.max_steps and engine.melt_quench",
    "EDIFFG": "engine.relax.fmax",
    "POTIM": "engine.melt_quench.time_step",
    "TEBEG": "engine.melt_quench",
    "TEEND": "engine.melt_quench",
    "SMASS": "engine.melt_quench.thermostat_time",
}
_FIXED = {
    "KSPACING": "meshes are explicit, with one division along the vacuum: use kpoint_length",
    "KGAMMA": "meshes are explicit and Γ-centred: use kpoint_length",
    "MDALGO": "the melt-quench is a Nosé–Hoover run (MDALGO = 2)",
    "NPAR": "contradicts NCORE: use parallel.ncore",
    "LWAVE": "restarts and segments need WAVECAR; it is removed when a run is finished",
    "ISTART": "decided by whether there is a WAVECAR",
    "ICHARG": "decided by whether there is a WAVECAR",
    "IBRION": "decided by the task: 2 relaxes, 0 moves, -1 keeps all atoms in place",
    "LDIPOL": "decided by the structure: on where its two faces differ",
    "IDIPOL": "decided by the structure: on where its two faces differ",
    "DIPOL": "decided by the structure: its centre of mass",
    "NELECT": "belongs to one structure: cells are neutral",
    "MAGMOM": "belongs to one structure: with spin_polarized, VASP starts from moments of its own",
    "ML_LMLFF": "labels of VASP's own force field are not DFT labels",
    "LCORR": "forces would not belong to the energy",
    "NBLOCK": "every step of the melt-quench is a label",
    "PSTRESS": "energies would hold the work of a pressure",
    "IMAGES": "one structure is computed at a time",
    **dict.fromkeys(
        ("LDAU", "LDAUTYPE", "LDAUL", "LDAUU", "LDAUJ"),
        "lists by species belong to one structure: campaigns compute without +U",
    ),
}


def incar_value(value: Any) -> bool | int | float | str | list[int | float]:
    """Check what an INCAR tag may be set to.

    Raises
    ------
    ValueError
        If it is neither a finite number, true or false, text, nor a list of finite numbers.
    """
    numbers = value if isinstance(value, list) else [value]
    is_text = isinstance(value, bool | str)
    if is_text or (numbers and all(map(_is_finite, numbers)) and len(numbers) <= _LONGEST_LIST):
        return value
    raise ValueError("give a finite number, true or false, a text, or a list of finite numbers")


def written_override(tag: str, value: Any) -> tuple[str, Any]:
    """Return tag and value as VASP reads them: upper case; numbers and logicals, not text of them.

    Raises
    ------
    ValueError
        If one of them could be read as a further tag, or as nothing.
    """
    name = tag.strip().upper()
    if not _TAG.fullmatch(name):
        raise ValueError(
            f"incar: {tag[:60]!r} is not the name of a tag: use only letters, digits and `_`"
        )
    return name, _written_text(name, value.strip()) if isinstance(value, str) else value


def _written_text(tag: str, text: str) -> Any:
    if not _TEXT.fullmatch(text):
        raise ValueError(
            f"incar: {tag} = {text[:60]!r} is not a single value: write one line of plain letters "
            "and digits, without `;`, `!`, `#`, `=`, quotes, braces or backslashes; each tag has "
            "a key of its own"
        )
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        number = float(re.sub("[dD]", "e", text))
        if not _is_finite(number):
            raise ValueError(f"incar: {tag} = {text} is too large a number")
        return number
    logical = _LOGICAL.fullmatch(text)
    return text if logical is None else logical[1] is not None


def refused_override(
    tag: str, value: Any, functional: str, overrides: Mapping[str, Any]
) -> str | None:
    """Return why an INCAR override is impossible; None if it is not.

    Parameters
    ----------
    tag, value
        INCAR tag and what it should be, as `written_override` returns them.
    functional
        The campaign's.
    overrides
        All overrides.
    """
    if tag in {"METAGGA", "GGA"}:
        return f"contradicts functional: {functional}; set `functional` instead"
    if tag in _OF_THE_CAMPAIGN:
        return f"use the key `{_OF_THE_CAMPAIGN[tag]}` instead"
    if tag in _OF_THE_TASK:
        return f"use {_OF_THE_TASK[tag]} instead"
    if tag in _FIXED:
        return _FIXED[tag]
    checks = {
        "ISIF": (_is_number(value, 2), "cells are fixed and stresses needed: only 2 is possible"),
        "ISYM": (
            _is_number(value, 0) or _is_number(value, -1),
            "atoms that move break the symmetry a mesh was reduced by: only 0 or -1 is possible",
        ),
        "ISMEAR": (
            False,
            "use the key `smearing`; tetrahedra (-5, -4) give wrong forces in metals",
        ),
        "LASPH": (
            _is_true(value) or functional == "pbe",
            "meta-GGAs need the aspherical terms in the PAW spheres",
        ),
        "ALGO": (
            functional == "pbe" or str(value).lower()[:1] not in {"f", "v"},
            "Fast and VeryFast do not converge meta-GGAs: use Normal, All or Damped",
        ),
    }
    possible, reason = checks.get(tag, (True, ""))
    if no_label := reasons_for_no_label({tag: value}):
        possible, reason = False, no_label[0]
    if possible and tag == "LHFCALC" and _is_true(value) and "ALGO" not in overrides:
        return "a hybrid needs ALGO = All, Normal or Damped as well"
    return None if possible else reason


def _is_finite(value: Any) -> bool:
    # VASP's whole numbers have 32 bits, its real ones 64.
    most = 1e300 if isinstance(value, float) else 2**31 - 1
    return type(value) in {int, float} and abs(value) <= most


def _is_number(value: Any, number: int) -> bool:
    return not isinstance(value, bool) and bool(value == number)


def _is_true(value: Any) -> bool:
    """Whether VASP reads a logical as true: its first letter decides, after a dot or none."""
    if isinstance(value, str):
        return value.lstrip(".").upper().startswith("T")
    return bool(value)
