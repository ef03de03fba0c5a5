"""DFT+U of a run, element by element: lists in INCAR go by the order of the species."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workflows.engines.vasp.tag_values import Tags, is_set, without_comment

NO_U = "none"
_ORBITALS = {0: "s", 1: "p", 2: "d", 3: "f"}
# VASP's defaults of LDAUL, LDAUU and LDAUJ for each species, and of LDAUTYPE.
_DEFAULTS = {"LDAUL": 2.0, "LDAUU": 1.0, "LDAUJ": 1.0}
_TYPE, _DUDAREV = 2, 2


def hubbard_by_element(tags: Tags, elements: Sequence[str]) -> dict[str, str]:
    """Return +U of each element in words; ``none`` where there is none.

    Without +U every element has ``none``: a structure without the elements that have a U is
    computed alike with LDAU on and off.

    Parameters
    ----------
    tags
        Tags of INCAR, as read.
    elements
        Element of each POTCAR; one may come twice.
    """
    if not is_set(tags, "LDAU"):
        return dict.fromkeys(elements, NO_U)
    kind = int(_numbers(tags.get("LDAUTYPE", _TYPE))[0])
    columns = [_for_species(tags, tag, len(elements)) for tag in ("LDAUL", "LDAUU", "LDAUJ")]
    found: dict[str, set[str]] = {}
    for element, orbital, u, j in zip(elements, *columns, strict=True):
        found.setdefault(element, set()).add(_in_words(kind, int(orbital), u, j))
    return {element: " and ".join(sorted(words)) for element, words in found.items()}


def _for_species(tags: Tags, tag: str, n_species: int) -> list[float]:
    given = _numbers(tags.get(tag, []))[:n_species]
    return given + [_DEFAULTS[tag]] * (n_species - len(given))


def _numbers(value: Any) -> list[float]:
    if isinstance(value, str):
        value = without_comment(value).split()
    return [float(each) for each in (value if isinstance(value, list | tuple) else [value])]


def _in_words(kind: int, orbital: int, u: float, j: float) -> str:
    if orbital < 0 or (u == 0 and j == 0) or (kind == _DUDAREV and u == j):
        return NO_U
    shell = _ORBITALS.get(orbital, f"l={orbital}")
    if kind == _DUDAREV:  # only the difference counts
        return f"U-J={u - j:g} eV on {shell}"
    return f"U={u:g} eV, J={j:g} eV on {shell}, LDAUTYPE {kind}"
