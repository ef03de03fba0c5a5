"""The fingerprint of VASP's settings: all that can change the label of given positions.

Every tag that VASP lists or that INCAR sets is compared, unless it is one of the harmless ones
(`harmless_tags`), is not read because of the others, or has its default value (`tag_values`).
Potentials and +U are compared element by element.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cuprolith.hashes import short_hash
from workflows.engines.vasp.harmless_tags import is_harmless
from workflows.engines.vasp.hubbard import NO_U, hubbard_by_element
from workflows.engines.vasp.ionic_steps import RunHead
from workflows.engines.vasp.tag_values import (
    DERIVED,
    MAIN_DEFAULTS,
    default,
    is_known,
    is_read,
    is_set,
    plain,
    precision,
    projection,
)

_FUNCTIONALS = {
    "PE": "PBE",
    "PS": "PBEsol",
    "RP": "RPBE",
    "RE": "revPBE",
    "CA": "LDA",
    "PZ": "LDA",
    "91": "PW91",
}
_META = {
    "R2SCAN": "r2SCAN",
    "R2SCA": "r2SCAN",  # as far as VASP's columns go
    "RSCAN": "rSCAN",
    "SCAN": "SCAN",
    "TPSS": "TPSS",
    "RTPSS": "revTPSS",
}
_ELSEWHERE = frozenset({"ENMAX", "GGA", "METAGGA", "LVDW"})
_OTHER_NUMBER_OF_D2 = 10.0
_TETRAHEDRA = {-4.0, -5.0}
# Electrons; POTCARs of fractional hydrogen have two decimals.
_CHARGE_DIGITS = 3


@dataclass(frozen=True)
class Fingerprint:
    """Settings of a run and their hash.

    Attributes
    ----------
    hash
        12 hexadecimal digits, of ``settings`` alone.
    settings
        By INCAR tag: those that every run has, others where they differ from VASP's default;
        ``functional`` (without +U); ``potential`` (PAW_PBE, ...); ``kpoint_length`` in Å;
        ``charge`` in e.
    potcars, hubbard
        TITEL and +U by element; not in the hash, since structures differ in their elements.
    listed
        Tags of unknown meaning that VASP lists; not in the hash, since versions differ in them.
    """

    hash: str
    settings: dict[str, Any]
    potcars: dict[str, str]
    hubbard: dict[str, str] = field(default_factory=dict)
    listed: dict[str, Any] = field(default_factory=dict)

    @property
    def functional(self) -> str:
        """Level of theory, e.g. ``r2SCAN`` or ``PBE+U``."""
        name = str(self.settings["functional"])
        return f"{name}+U" if set(self.hubbard.values()) - {NO_U} else name

    def with_settings(self, **changed: Any) -> Fingerprint:
        """Return the fingerprint with other values of some settings."""
        settings = {**self.settings, **{key: plain(value) for key, value in changed.items()}}
        return replace(self, hash=_hash(settings), settings=settings)


def settings_fingerprint(
    incar: Mapping[str, Any],
    potcar_titles: Sequence[str],
    kpoint_length: float | None,
    *,
    listed: Collection[str] = (),
    charge: float | None = None,
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
        back see :func:`workflows.engines.vasp.kpoint_lengths.common_length`. None if there is none.
    listed
        Tags of `incar` that only VASP's own list has, not the INCAR.
    charge
        Charge of the cell, e; None if unknown, which counts as neutral unless INCAR sets NELECT.
    """
    tags = _tags(incar)
    read = {tag for tag in tags if _is_compared(tag) and is_read(tag, tags)}
    read -= DERIVED.intersection(listed)
    unknown = {tag for tag in read.intersection(listed) if not is_known(tag)}
    families = sorted({title.split()[0] for title in potcar_titles})
    elements = [element_of(title) for title in potcar_titles]
    settings = _settings(tags, read - unknown)
    settings["functional"] = _functional(tags, families)
    settings["potential"] = "+".join(families)
    settings["kpoint_length"] = plain(kpoint_length)
    settings["charge"] = _charge(charge, None if "NELECT" in listed else tags.get("NELECT"))
    return Fingerprint(
        hash=_hash(settings),
        settings=settings,
        potcars=dict(zip(elements, potcar_titles, strict=True)),
        hubbard=hubbard_by_element({key.upper(): each for key, each in incar.items()}, elements),
        listed={tag: tags[tag] for tag in sorted(unknown)},
    )


def run_fingerprint(run: RunHead, kpoint_length: float | None) -> Fingerprint:
    """Return the fingerprint of the settings that VASP says it used."""
    return settings_fingerprint(
        run.incar, run.potcar_titles, kpoint_length, listed=run.listed, charge=run.charge
    )


def is_setting(tag: str) -> bool:
    """Return whether a word in capitals is a tag that a fingerprint knows of."""
    known = is_known(tag) or tag in DERIVED or tag in _ELSEWHERE
    return known or tag.startswith("LDAU") or is_harmless(tag)


def drifted(expected: Fingerprint, found: Fingerprint) -> list[str]:
    """Return in words how settings differ, e.g. ``"ENCUT 400 vs 520"``; found comes first."""
    differences = []
    for key in sorted(expected.settings.keys() | found.settings.keys()):
        ours, theirs = (
            each.settings.get(key, default(key, each.settings)) for each in (found, expected)
        )
        if ours != theirs:
            differences.append(f"{key} {_shown(ours)} vs {_shown(theirs)}")
    for known, other, title in (
        (expected.hubbard, found.hubbard, "+U of {}: "),
        (expected.potcars, found.potcars, "POTCAR "),
        (expected.listed, found.listed, "{} "),
    ):
        differences += [
            f"{title.format(key)}{_shown(other[key])} vs {_shown(known[key])}"
            for key in sorted(known.keys() & other.keys())
            if known[key] != other[key]
        ]
    return differences


def element_of(title: str) -> str:
    """Return the element of a POTCAR, e.g. of ``PAW_PBE Li_sv 10Sep2004``."""
    words = title.split()
    match = re.match(r"[A-Z][a-z]?", words[1 if len(words) > 1 else 0])  # H.5, H1.25: hydrogen
    if match is None:
        raise ValueError(f"no element in the POTCAR's title {title!r}")
    return match[0]


def _tags(incar: Mapping[str, Any]) -> dict[str, Any]:
    """Return tags as VASP understands them, of synonyms the present one."""
    tags = {key.upper(): plain(value) for key, value in incar.items() if value is not None}
    if tags.get("ENCUT") is None:
        tags["ENCUT"] = tags.get("ENMAX")
    if is_set(tags, "LVDW") or tags.get("IVDW") == _OTHER_NUMBER_OF_D2:
        tags["IVDW"] = 1.0
    return tags


def _is_compared(tag: str) -> bool:
    """Whether a tag is compared by itself; +U and the functional are compared as a whole."""
    return not (tag in _ELSEWHERE or tag.startswith("LDAU") or is_harmless(tag))


def _settings(tags: Mapping[str, Any], read: set[str]) -> dict[str, Any]:
    """Return main settings, and others that differ from their defaults."""
    settings = {tag: _meaning(tag, tags.get(tag, default(tag, tags))) for tag in MAIN_DEFAULTS}
    if settings["ISMEAR"] in _TETRAHEDRA:  # tetrahedra have no width
        settings["SIGMA"] = 0.0
    for tag in read - MAIN_DEFAULTS.keys():
        value = _meaning(tag, tags[tag])
        if not is_known(tag) or value != default(tag, tags):
            settings[tag] = value
    return settings


def _meaning(tag: str, value: Any) -> Any:
    """Return what a value means where it can be written in several ways."""
    if tag in {"PREC", "PRECFOCK"}:
        return precision(value)
    if tag == "LREAL":
        return projection(value)
    if tag == "ICORELEVEL" and value == 1:  # core levels are computed afterwards
        return 0.0
    return value


def _charge(charge: float | None, n_electrons: float | None) -> float | str:
    if charge is None and n_electrons is not None:
        return f"unknown (NELECT {n_electrons:g})"
    return round(charge or 0.0, _CHARGE_DIGITS) + 0.0  # no negative zero


def _hash(settings: Mapping[str, Any]) -> str:
    text = json.dumps(settings, sort_keys=True)
    return short_hash(text)


def _functional(tags: Mapping[str, Any], families: Sequence[str]) -> str:
    if is_set(tags, "METAGGA"):
        name = _META.get(str(tags["METAGGA"]), str(tags["METAGGA"]))
    elif is_set(tags, "GGA"):
        # 91 is a number to any reader of INCAR; VASP looks at two letters.
        word = f"{tags['GGA']:g}" if isinstance(tags["GGA"], float) else str(tags["GGA"])[:2]
        name = _FUNCTIONALS.get(word, word)
    else:
        name = {"PAW_PBE": "PBE", "PAW_GGA": "PW91", "PAW": "LDA"}.get(
            "+".join(families), "unknown"
        )
    marks = {"+hybrid": "LHFCALC", "+vdW": "LUSE_VDW"}
    name += "".join(mark for mark, tag in marks.items() if is_set(tags, tag))
    return name + (f"+IVDW{tags['IVDW']:g}" if is_set(tags, "IVDW") else "")


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_shown, value))
    return "unset" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
