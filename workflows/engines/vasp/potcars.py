"""Potentials: found, checked and recorded before VASP is started."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from monty.os.path import zpath
from pymatgen.core import SETTINGS
from pymatgen.io.vasp.inputs import POTCAR_FUNCTIONAL_MAP, PotcarSingle

from cuprolith.errors import CuprolithError
from cuprolith.hashes import sha256
from workflows.engines.vasp.programs import VASP, VaspProgram, program_of_potcar
from workflows.engines.vasp.settings import VaspSettings

DIRECTORY_VARIABLE = "PMG_VASP_PSP_DIR"
_SET_UP = (
    "unpack the potentials that come with your VASP licence, `pmg config -p <unpacked> <folder>`, "
    f"and `pmg config --add {DIRECTORY_VARIABLE} <folder>` (or export {DIRECTORY_VARIABLE})"
)


@dataclass(frozen=True)
class PotcarFacts:
    """Identity of a potential.

    Attributes
    ----------
    sha256
        Hash of the file.
    families
        Releases that pymatgen knows this potential from; none if it was changed or is newer.
    """

    symbol: str
    titel: str
    enmax: float
    zval: float
    sha256: str
    families: tuple[str, ...]


@dataclass(frozen=True)
class CheckedPotcar:
    """A potential that fits the campaign: its text and what identifies it."""

    text: str
    facts: PotcarFacts


def potcar_directory() -> Path:
    """Return the folder of the potentials.

    Raises
    ------
    CuprolithError
        If none is configured, or it does not exist.
    """
    configured = os.environ.get(DIRECTORY_VARIABLE) or SETTINGS.get(DIRECTORY_VARIABLE)
    if not configured:
        raise CuprolithError(
            f"{DIRECTORY_VARIABLE} is not set: VASP's potentials cannot be found",
            key="engine.vasp.potcar_family",
            remedy=_SET_UP,
        )
    directory = Path(configured).expanduser()
    if not directory.is_dir():
        raise CuprolithError(
            f"{DIRECTORY_VARIABLE} names no folder", where=str(directory), remedy=_SET_UP
        )
    return directory


def family_directory(directory: Path, family: str) -> Path:
    """Return the folder of a release within the folder of all potentials."""
    own_names = SETTINGS.get("PMG_VASP_PSP_SUB_DIRS", {})
    return directory / str(own_names.get(family, POTCAR_FUNCTIONAL_MAP[family]))


def potentials_present(directory: Path, family: str) -> list[str]:
    """Return the symbols of the potentials of a release that are there."""
    folder = family_directory(directory, family)
    paths = [path for path in folder.iterdir() if path.is_dir() or path.name.startswith("POTCAR.")]
    names = {path.name.removeprefix("POTCAR.").removesuffix(".gz") for path in paths}
    return sorted(name for name in names if _find(folder, name) is not None)


def program_of_release(directory: Path, family: str) -> VaspProgram:
    """Return the program that the potentials of a release are for, by the first of them."""
    path = _find(
        family_directory(directory, family), next(iter(potentials_present(directory, family)), "")
    )
    return VASP if path is None else program_of_potcar(str(_parsed(path).data))


def families_present(directory: Path) -> list[str]:
    """Return which of the releases a campaign can name are there."""
    families = ("PBE_54", "PBE_64")
    return [family for family in families if family_directory(directory, family).is_dir()]


def campaign_potcars(
    settings: VaspSettings, elements: Iterable[str], directory: Path | None = None
) -> list[CheckedPotcar]:
    """Return the potentials of some elements, checked.

    Parameters
    ----------
    elements
        Symbols, in order.
    directory
        Folder of the potentials; the configured one by default.

    Raises
    ------
    CuprolithError
        If one is missing, damaged, from another release, another element's, or a placeholder
        where VASP itself is to run.
    """
    directory = directory or potcar_directory()
    return [_checked(settings, element, directory) for element in elements]


def recommended_potcar(element: str) -> str:
    """Return the potential of an element that Materials Project and MatPES take."""
    from pymatgen.io.vasp.sets import MatPESStaticSet

    return str(MatPESStaticSet.CONFIG["POTCAR"].get(element, element))


def potcar_problems(settings: VaspSettings, elements: Iterable[str]) -> list[CuprolithError]:
    """Say all that keeps VASP from having the potentials of some elements; empty if nothing does.

    Parameters
    ----------
    settings
        The campaign's.
    elements
        Symbols of the elements of its structures.
    """
    elements = list(elements)
    named = [element for element in elements if element in settings.potcars]
    problems = []
    if len(named) < len(elements):
        problems.append(
            _unnamed(settings, elements, {each: settings.potcars[each] for each in named})
        )
    if settings.program.potcars is not None:
        return problems
    try:
        directory = potcar_directory()
    except CuprolithError as error:
        return [*problems, error]
    for element in named:
        try:
            _checked(settings, element, directory)
        except CuprolithError as error:
            problems.append(error)
    return problems


def require_named(settings: VaspSettings, elements: Iterable[str]) -> None:
    """Check that the campaign names a potential for each element.

    Raises
    ------
    CuprolithError
        If it does not; suggests those of Materials Project.
    """
    elements = sorted(set(elements))
    if set(elements) - set(settings.potcars):
        raise _unnamed(settings, elements, settings.potcars)


def _unnamed(
    settings: VaspSettings, elements: Iterable[str], kept: Mapping[str, str]
) -> CuprolithError:
    missing = [element for element in elements if element not in settings.potcars]
    complete = {**kept, **{element: recommended_potcar(element) for element in missing}}
    suggested = ", ".join(f"{element}: {symbol}" for element, symbol in complete.items())
    return CuprolithError(
        f"no potential is named for {', '.join(missing)}",
        key="engine.vasp.potcars",
        remedy=f"give `potcars: {{{suggested}}}`, as Materials Project has them",
    )


def require_same_potcars(record: Path, potcars: Iterable[CheckedPotcar]) -> None:
    """Check that potentials are those of the campaign's earlier runs, and note new ones.

    Parameters
    ----------
    record
        JSON file shared by the runs of a campaign.
    potcars
        Potentials of the present run.

    Raises
    ------
    CuprolithError
        If an earlier run used another file for the same element.
    """
    known: dict[str, Any] = json.loads(record.read_text()) if record.is_file() else {}
    before = dict(known)
    for potcar in potcars:
        element = potcar.facts.symbol.split("_")[0]
        earlier = known.setdefault(element, asdict(potcar.facts))
        if earlier["sha256"] != potcar.facts.sha256:
            raise CuprolithError(
                f"the POTCAR of {element} is not that of this campaign's earlier runs: "
                f"{potcar.facts.titel} ({potcar.facts.sha256[:12]}), earlier "
                f"{earlier['titel']} ({earlier['sha256'][:12]})",
                where=str(record),
                remedy="restore the earlier potential, or start a campaign in a new workdir",
            )
    if known != before:
        partial = record.with_suffix(f".{os.getpid()}.tmp")
        partial.write_text(json.dumps(known, indent=1))
        partial.replace(record)


def _checked(settings: VaspSettings, element: str, directory: Path) -> CheckedPotcar:
    symbol, family = settings.potcars[element], settings.potcar_family
    folder = family_directory(directory, family)
    path = _find(folder, symbol)
    if path is None:
        raise CuprolithError(
            f"{family} has no POTCAR of {symbol} here",
            where=str(folder),
            key=f"engine.vasp.potcars.{element}",
            remedy=_nearest(folder, element, family),
        )
    single = _parsed(path)
    text = str(single.data)
    owner = program_of_potcar(text)
    if owner.potcars is not None and owner != settings.program:
        raise CuprolithError(
            f"the POTCAR of {symbol} is {owner.potcars.called}, but the command is "
            f"`{settings.command}`",
            where=str(path),
            remedy=f"set {DIRECTORY_VARIABLE} to real potentials",
        )
    words = str(single.TITEL).split()
    if len(words) < 2 or words[1] != symbol:
        raise CuprolithError(
            f"the file is named {symbol} but says TITEL = {single.TITEL}",
            where=str(path),
            remedy="unpack the release again: its files were exchanged",
        )
    families = _families(single)
    if families and family not in families:
        raise CuprolithError(
            f"{single.TITEL} is of {', '.join(families)}, not of {family}: releases are mixed",
            where=str(path),
            key="engine.vasp.potcar_family",
            remedy="unpack each release into a folder of its own",
        )
    facts = PotcarFacts(
        symbol=symbol,
        titel=str(single.TITEL),
        enmax=float(single.keywords.get("ENMAX", 0.0)),
        zval=float(single.ZVAL),
        sha256=sha256(text),
        families=families,
    )
    return CheckedPotcar(text, facts)


def _find(folder: Path, symbol: str) -> Path | None:
    """Return the file of a potential, in the two layouts that pymatgen knows, zipped or not."""
    for path in (folder / f"POTCAR.{symbol}", folder / symbol / "POTCAR"):
        found = Path(zpath(str(path)))
        if found.is_file():
            return found
    return None


def _nearest(folder: Path, element: str, family: str) -> str:
    if not folder.is_dir():
        return f"the release {family} is not there at all; {_SET_UP}"
    names = {path.name.removeprefix("POTCAR.").removesuffix(".gz") for path in folder.iterdir()}
    others = sorted(name for name in names if name.split("_")[0] == element)
    if others:
        return f"name one that is there: {', '.join(others)}"
    return f"the release lacks {element}; unpack it again"


def _parsed(path: Path) -> PotcarSingle:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pymatgen's doubts about files it does not know
            return PotcarSingle.from_file(str(path))
    except (ValueError, KeyError, AttributeError, IndexError, OSError, EOFError) as error:
        raise CuprolithError(
            f"not a readable POTCAR: {error}", where=str(path), remedy="unpack the release again"
        ) from error


def _families(single: PotcarSingle) -> tuple[str, ...]:
    identified, _ = single.identify_potcar(mode="file")
    return tuple(sorted({name.removesuffix("_W_HASH") for name in identified}))
