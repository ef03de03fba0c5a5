"""The head of a vasprun.xml: everything before the first ionic step."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from cuprolith.arrays import FloatArray
from cuprolith.hashes import sha256
from workflows.engines.vasp.ionic_steps import RunHead, VaspOutputError, cell_charge

# VASP's own names for elements that its two-letter columns spoil (pymatgen knows them, too).
_MISSPELT = {"X": "Xe", "r": "Zr"}


def parse_head(text: bytes, path: Path) -> RunHead:
    """Read the head.

    Parameters
    ----------
    text
        The file up to its first ``<calculation>``.
    path
        The file, for messages.

    Raises
    ------
    VaspOutputError
        If it is damaged, or ends before the initial structure.
    """
    try:
        root = ElementTree.fromstring(text + b"</modeling>")
        return _head(root, sha256(text))
    except ElementTree.ParseError as error:
        raise VaspOutputError(
            f"the file ends or is damaged before its first ionic step ({error})", str(path)
        ) from error
    except (AttributeError, KeyError, ValueError, TypeError, IndexError) as error:
        raise VaspOutputError(
            f"the head is not VASP's: {type(error).__name__} {error}", str(path)
        ) from error


def _head(root: ElementTree.Element, digest: str) -> RunHead:
    generator = _parameters(_found(root, "generator"))
    incar, parameters = (_parameters(_found(root, name)) for name in ("incar", "parameters"))
    symbols, species = _species(_found(root, "atominfo"))
    structure = _found(root, "structure[@name='initialpos']")
    cell = _rows(_found(structure, "crystal/varray[@name='basis']"))
    scaled = _rows(_found(structure, "varray[@name='positions']"))
    words = ("program", "version", "subversion")
    return RunHead(
        numbers=np.array([atomic_numbers[_MISSPELT.get(name, name)] for name in symbols]),
        free_mask=_free_mask(structure, len(symbols)),
        positions=scaled @ cell,
        cell=cell,
        incar={**parameters, **incar},
        listed=frozenset(parameters.keys() - incar.keys()),
        kpoints=_mesh(root),
        potcar_titles=tuple(each.title for each in species),
        charge=cell_charge(
            incar.get("NELECT", parameters.get("NELECT")),
            [each.n_atoms for each in species],
            [each.valence for each in species],
            incar.get("VCA"),
        ),
        vasp_version=str(generator["version"]),
        generator=" ".join(str(generator[word]) for word in words if word in generator),
        digest=digest,
    )


def _found(parent: ElementTree.Element, path: str) -> ElementTree.Element:
    element = parent.find(path)
    if element is None:
        raise ValueError(f"no <{path}>")
    return element


def _parameters(parent: ElementTree.Element) -> dict[str, Any]:
    """Flatten ``<i>`` and ``<v>`` entries; of entries that come twice the outer, first one holds.

    The section "response functions" repeats names with values of its own.
    """
    values: dict[str, Any] = {}
    for entry in parent.iter():
        name = entry.get("name", "").strip()  # VASP 6.4.3 pads names
        if entry.tag in {"i", "v"} and name not in values:
            words = (entry.text or "").split()
            kind = entry.get("type", "float")
            parsed = [_value(word, kind) for word in words]
            joined = " ".join(words) if kind == "string" else (parsed[0] if parsed else None)
            values[name] = parsed if entry.tag == "v" else joined
    return values


def _value(word: str, kind: str) -> str | bool | int | float | None:
    if kind == "string":
        return word
    if kind == "logical":
        return word.strip(".").upper().startswith("T")
    if "*" in word:  # too long for its column, e.g. RANDOM_SEED
        return None
    return int(word) if kind == "int" else float(word)


class _Species(NamedTuple):
    """One POTCAR: its TITEL, valence electrons of an atom, and number of atoms."""

    title: str
    valence: float
    n_atoms: int


def _species(atominfo: ElementTree.Element) -> tuple[list[str], list[_Species]]:
    atoms = _found(atominfo, "array[@name='atoms']/set")
    types = _found(atominfo, "array[@name='atomtypes']/set")
    symbols = [(row[0].text or "").strip() for row in atoms]
    species = []
    for row in types:
        count, _, _, valence, title = ((entry.text or "").split() for entry in row[:5])
        species.append(_Species(" ".join(title), float(valence[0]), int(count[0])))
    return symbols, species


def _rows(varray: ElementTree.Element) -> FloatArray:
    return np.array([[float(word) for word in (row.text or "").split()] for row in varray])


def _free_mask(structure: ElementTree.Element, n_atoms: int) -> NDArray[np.bool_]:
    flags = structure.find("varray[@name='selective']")
    if flags is None:
        return np.ones(n_atoms, dtype=bool)
    return np.array(["T" in (row.text or "") for row in flags])


def _mesh(root: ElementTree.Element) -> tuple[int, int, int] | None:
    divisions = root.find("kpoints/generation/v[@name='divisions']")
    if divisions is None:
        return None
    first, second, third = (int(word) for word in (divisions.text or "").split())
    return first, second, third
