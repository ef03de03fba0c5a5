"""Meaning of INCAR tags: values as VASP reads them, its defaults, which tags need another.

Two runs of one physics write it in many ways: a default is left out or spelt out, 520 is 520.0,
``.TRUE.`` is ``T``, ``GGA = Pe ! as before`` is ``PE``. Defaults: https://www.vasp.at/wiki, one
page per tag.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Tags = Mapping[str, Any]

# Files of VASP have so many digits; finer differences are no differences.
_SIGNIFICANT = 6
_LOGICALS = {"T": True, "TRUE": True, "F": False, "FALSE": False}
_CORE_HOLE = 2
_UNSET = ("", "--", "-", "NONE", False, None, 0.0)
# VASP goes by the first letter ("accura" is what its columns leave of Accurate).
_PRECISIONS = {
    "N": "NORMAL",
    "A": "ACCURATE",
    "S": "SINGLE",
    "H": "HIGH",
    "M": "MEDIUM",
    "L": "LOW",
}
# Defaults of tags that every run of VASP has a value of. ENCUT's depends on the POTCARs: VASP
# lists it as ENMAX.
MAIN_DEFAULTS: dict[str, Any] = {
    "ENCUT": None,
    "PREC": "NORMAL",
    "EDIFF": 1e-4,
    "ISMEAR": 1,
    "SIGMA": 0.2,
    "ISPIN": 1,
    "LASPH": False,
    "LREAL": False,
    "ADDGRID": False,
    "LSORBIT": False,
    "EFIELD": 0.0,
    "IVDW": 0,
    "LUSE_VDW": False,
    "LHFCALC": False,
}
_RARE_GROUPS: tuple[tuple[Any, str], ...] = (
    (0.25, "AEXX"),
    (1.0, "AGGAC AGGAX ALDAC ALDAX DARWINV EPSILON LAMBDA PARAM2 SCALEE VCA"),
    (
        0.0,
        "BEXT CLZ DARWINR EFIELD_PEAD HFSCREEN MCALPHA OFIELD_A OFIELD_K OFIELD_KAPPA "
        "OFIELD_Q6_FAR OFIELD_Q6_NEAR PARAM3 QSPIRAL",
    ),
    (None, "BPARAM CPARAM"),
    (0, "CLL EXXOEP FOURORBIT ICORELEVEL I_CONSTRAINED_M MODEL_GW VOSKOWN"),
    (1, "CLN CLNT IVDW_NL NKRED NMAXFOCKAE"),
    (78.4, "EB_K"),
    (-1.0, "ENCUT4O HFALPHA NUPDOWN"),
    (
        False,
        "EVENONLY LCALCEPS LCOMPAT LFOCKAEDFT LHFONE LIBXC LMODELHF LMONO LNONCOLLINEAR "
        "LREAL_COMPAT LRHFATM LRHFCALC LSOL LSPIN_VDW LSPIRAL LSYMGRAD LTHOMAS LZEROZ "
        "ML_LMLFF NLSPLINE ODDONLY SHIFTRED",
    ),
    (True, "GGA_COMPAT LCORR"),
    (4, "LMAXFOCK"),
    (-100, "LMAXPAW"),
    (0.1234, "PARAM1"),
    ("NORMAL", "PRECFOCK"),
    ((0.0, 0.0, 1.0), "SAXIS"),
    (-0.8491, "ZAB_VDW"),
)
_RARE_DEFAULTS = {tag: value for value, tags in _RARE_GROUPS for tag in tags.split()}
# VASP takes these from other tags and the POTCARs where INCAR does not give them.
DERIVED = frozenset({"ENAUG", "ENCUTFOCK", "LMAXTAU", "ROPT"})


def plain(value: Any) -> Any:
    """Return a value as VASP understands it: words in upper case, numbers of limited digits.

    Comments and quotes go; of a list whose entries are all equal one is left, since lists are as
    long as a structure has species.
    """
    if isinstance(value, list | tuple):
        entries = tuple(plain(each) for each in value)
        return entries[0] if entries and entries.count(entries[0]) == len(entries) else entries
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return float(f"{value:.{_SIGNIFICANT}g}")
    return _plain_text(str(value))


def _plain_text(text: str) -> Any:
    word = without_comment(text).strip("\"'").strip().upper()
    if word.strip(".") in _LOGICALS:
        return _LOGICALS[word.strip(".")]
    try:
        return plain([float(each) for each in word.split()]) if word else ""
    except ValueError:
        return word


def without_comment(text: str) -> str:
    """Return a value without what follows it in its line of INCAR."""
    return re.split(r"[!#]", text, maxsplit=1)[0].strip()


def is_set(tags: Tags, tag: str) -> bool:
    """Return whether a tag switches something on."""
    return plain(tags.get(tag)) not in _UNSET


def is_spinor(tags: Tags) -> bool:
    """Return whether a run is noncollinear."""
    return is_set(tags, "LSORBIT") or is_set(tags, "LNONCOLLINEAR")


def is_read(tag: str, tags: Tags) -> bool:
    """Return whether VASP reads a tag beside the others."""
    needs = _BY_TAG.get(tag) or next(
        (needs for prefix, needs in _BY_PREFIX.items() if tag.startswith(prefix)), None
    )
    return needs is None or needs(tags)


def is_known(tag: str) -> bool:
    """Return whether a tag's default is known."""
    return tag in MAIN_DEFAULTS or tag in _RARE_DEFAULTS or tag in _FOLLOWING


def belongs_to_another(tag: str) -> bool:
    """Return whether a tag is read only where others are set."""
    return tag in _BY_TAG or tag.startswith(tuple(_BY_PREFIX))


def default(tag: str, tags: Tags) -> Any:
    """Return what VASP takes where a tag is not set; None if that is not known."""
    if tag in MAIN_DEFAULTS:
        return plain(MAIN_DEFAULTS[tag])
    following = _FOLLOWING.get(tag)
    return plain(_RARE_DEFAULTS.get(tag) if following is None else following(tags))


def precision(value: Any) -> Any:
    """Return PREC or PRECFOCK in full."""
    word = plain(value)
    if word in ("", None):
        return "NORMAL"
    return _PRECISIONS.get(str(word)[:1], word)


def projection(lreal: Any) -> str:
    """Return LREAL's meaning; ``A`` (Auto) and ``O`` (On) optimise the projectors differently."""
    word = plain(lreal)
    if word is None or isinstance(word, bool):
        return "real" if word else "reciprocal"
    return {"A": "automatic", "O": "on"}.get(str(word)[:1], "real")


def _density_functional_share(tags: Tags) -> float:
    """Share of the semilocal exchange: what exact exchange leaves."""
    if not is_set(tags, "LHFCALC"):
        return 1.0
    return 1.0 - float(tags.get("AEXX", _RARE_DEFAULTS["AEXX"]))


def _correlation_share(tags: Tags) -> float:
    """Hartree–Fock alone has no correlation."""
    return 0.0 if _density_functional_share(tags) == 0.0 else 1.0


# Defaults that follow another tag.
_FOLLOWING: dict[str, Callable[[Tags], Any]] = {
    "AGGAX": _density_functional_share,
    "ALDAX": _density_functional_share,
    "AGGAC": _correlation_share,
    "ALDAC": _correlation_share,
    "HFSCREENC": lambda tags: tags.get("HFSCREEN", 0.0),
    "LMAXTAU": lambda tags: 6 if is_set(tags, "LASPH") else 0,
    **{f"NKRED{axis}": lambda tags: tags.get("NKRED", 1) for axis in "XYZ"},
}
# Tags that VASP reads only where others are set; VDW_* means all that begin with VDW_.
_READ_WITH: tuple[tuple[str, Callable[[Tags], bool]], ...] = (
    (
        "AEXX HFSCREEN HFSCREENC PRECFOCK LMAXFOCK NMAXFOCKAE HFALPHA MCALPHA NKRED NKREDX NKREDY "
        "NKREDZ SHIFTRED ODDONLY EVENONLY ENCUTFOCK ENCUT4O LSYMGRAD LFOCKAEDFT HFRCUT LHFONE",
        lambda tags: is_set(tags, "LHFCALC"),
    ),
    ("ZAB_VDW IVDW_NL LSPIN_VDW BPARAM CPARAM", lambda tags: is_set(tags, "LUSE_VDW")),
    ("VDW_* LVDW* LTSSURF", lambda tags: is_set(tags, "IVDW")),
    ("EB_K TAU SIGMA_K NC_K LAMBDA_D_K CORE_C", lambda tags: is_set(tags, "LSOL")),
    ("LMAXTAU CMBJ*", lambda tags: is_set(tags, "METAGGA")),
    ("NUPDOWN I_CONSTRAINED_M", lambda tags: tags.get("ISPIN") == 2 or is_spinor(tags)),
    ("LAMBDA", lambda tags: is_set(tags, "I_CONSTRAINED_M")),
    ("SAXIS LSPIRAL QSPIRAL LZEROZ", is_spinor),
    ("ROPT", lambda tags: projection(tags.get("LREAL")) != "reciprocal"),
    ("CLNT CLN CLL CLZ", lambda tags: tags.get("ICORELEVEL") == _CORE_HOLE),
    ("OFIELD_*", lambda tags: is_set(tags, "OFIELD_A")),
    # The augmentation grid follows ENAUG with the old precisions only.
    ("ENAUG", lambda tags: precision(tags.get("PREC")) in {"HIGH", "MEDIUM", "LOW"}),
)
_BY_TAG = {tag: needs for names, needs in _READ_WITH for tag in names.split() if tag[-1] != "*"}
_BY_PREFIX = {
    tag[:-1]: needs for names, needs in _READ_WITH for tag in names.split() if tag[-1] == "*"
}
