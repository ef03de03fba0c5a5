"""Read crystals from CIF files: one phase with all of its atoms, nothing guessed."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path

from monty.io import zopen
from pymatgen.core import Composition, Element, Structure
from pymatgen.io.cif import CifBlock, CifFile, CifParser

from cuprolith.errors import CuprolithError

_OPERATIONS = (
    "_symmetry_equiv_pos_as_xyz",
    "_space_group_symop_operation_xyz",
    "_space_group_symop_magn_operation.xyz",
)
_COORDINATES = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")
_SAME_RATIO = 0.01  # relative; formulas come with few digits


def read_cif(path: Path) -> Structure:
    """Read the one crystal of a CIF file, in the cell as written.

    Raises
    ------
    CuprolithError
        If the file holds no crystal or several, magnetic moments, no symmetry, atoms without
        coordinates or of no element, or atoms that do not add up to its formula.
    """
    with zopen(path, mode="rt", encoding="utf-8") as file:
        text = str(file.read())
    block, its_text = _only_block(text)
    _check_cell(block)
    _check_atoms(block)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters is checked here
        parser = CifParser.from_str(its_text)
        if parser.feature_flags["magcif"]:
            raise CuprolithError(
                "a magnetic CIF, whose moments and magnetic cell would be lost",
                remedy="give the crystal without its moments; the engine decides whether "
                "calculations are spin-polarized",
            )
        structure = parser.parse_structures(primitive=False, on_error="raise")[0]
    if any("Defaulting to P1" in warning for warning in parser.warnings):
        raise CuprolithError(
            "the CIF names no symmetry that can be read, so that atoms may be missing",
            remedy="add its symmetry operations, or `_symmetry_space_group_name_H-M 'P 1'` if it "
            "lists every atom of the cell",
        )
    if "implicit_hydrogens" in structure.site_properties:
        raise CuprolithError(
            "the CIF names hydrogens without their positions", remedy="add these hydrogens"
        )
    _check_formula(block, structure)
    return structure


def _only_block(text: str) -> tuple[CifBlock, str]:
    """Return the block with atoms, and its text; blocks without atoms are ignored."""
    crystals = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # One by one, because pymatgen keeps only the last of blocks with the same name.
        for part in re.split(r"^\s*data_", f"\n{text}", flags=re.MULTILINE | re.IGNORECASE)[1:]:
            its_text = f"data_{part}"
            for block in CifFile.from_str(its_text).data.values():
                crystals += [(block, its_text)] if "_atom_site_fract_x" in block.data else []
    if len(crystals) == 1:
        return crystals[0]
    if not crystals:
        raise CuprolithError(
            "the CIF holds no atoms with fractional coordinates",
            remedy="give a CIF with `_atom_site_fract_x`, `_y` and `_z`",
        )
    names = ", ".join(block.header for block, _ in crystals)
    raise CuprolithError(
        f"the CIF holds {len(crystals)} crystals: {names}",
        remedy="put each into a file of its own, and name that file",
    )


def _check_cell(block: CifBlock) -> None:
    """Refuse lengths and angles that pymatgen would change: negative ones and large angles."""
    for key, most in (("length", math.inf), ("angle", 180.0)):
        names = ("a", "b", "c") if key == "length" else ("alpha", "beta", "gamma")
        for name in names:
            for value in _column(block, f"_cell_{key}_{name}"):
                number = float(re.sub(r"\(.*", "", value)) if _is_number(value) else math.nan
                if not 0 < number < most:
                    raise CuprolithError(
                        f"_cell_{key}_{name} is {value!r}",
                        remedy="give a length above 0 Å, or an angle between 0 and 180°",
                    )


def _check_atoms(block: CifBlock) -> None:
    """Refuse atoms that pymatgen would drop, move to the origin, or guess the element of."""
    labels = _column(block, "_atom_site_label")
    symbols = _column(block, "_atom_site_type_symbol")
    key = "_atom_site_type_symbol" if symbols else "_atom_site_label"
    for symbol in symbols or labels:
        letters = re.match(r"[A-Za-z]*", symbol)
        if letters is None or not Element.is_valid_symbol(letters.group().title()):
            raise CuprolithError(
                f"{symbol!r} ({key}) names no element",
                remedy="write the element of each atom in `_atom_site_type_symbol`; leave out "
                "vacancies and dummy atoms",
            )
    for coordinate in _COORDINATES:
        for number, value in enumerate(_column(block, coordinate)):
            if not _is_number(value):
                name = labels[number] if number < len(labels) else f"atom {number + 1}"
                raise CuprolithError(
                    f"{coordinate} of {name} is {value!r}, no finite number",
                    remedy="give its position, or remove the atom",
                )


def _check_formula(block: CifBlock, structure: Structure) -> None:
    """Refuse atoms that do not agree with the formula: some are missing, or too many."""
    written = block.data.get("_chemical_formula_sum")
    try:
        formula = Composition(written).remove_charges()
    except (ValueError, TypeError, AttributeError):
        return  # missing or not readable
    found = structure.composition.remove_charges()
    shares = {element: found[element] / found.num_atoms for element in {*found, *formula}}
    agree = all(
        math.isclose(share, formula[element] / formula.num_atoms, rel_tol=_SAME_RATIO)
        for element, share in shares.items()
    )
    given = _column(block, "_cell_formula_units_Z")
    units = float(given[0]) if given and _is_number(given[0]) else math.nan
    numbers = [units * formula.num_atoms]
    if formula.get_reduced_composition_and_factor()[1] > 1:
        numbers.append(formula.num_atoms)  # of the whole cell, as some programs write it
    # Where the operations are listed, they are trusted more than Z.
    listed = any(block.data.get(key) for key in _OPERATIONS)
    complete = (
        listed
        or math.isnan(units)
        or any(math.isclose(found.num_atoms, number, rel_tol=_SAME_RATIO) for number in numbers)
    )
    if not (agree and complete):
        times = "" if math.isnan(units) else f", {units:g} times per cell"
        raise CuprolithError(
            f"the cell holds {found.formula}, which does not agree with "
            f"_chemical_formula_sum ({written}{times})",
            remedy="check whether atoms are missing, as hydrogens often are, and the symmetry "
            "operations; or correct the formula",
        )


def _column(block: CifBlock, key: str) -> list[str]:
    value = block.data.get(key, [])
    return [value] if isinstance(value, str) else list(value)


def _is_number(text: str) -> bool:
    """Whether a CIF number, such as 0.25(3), is finite."""
    try:
        return math.isfinite(float(re.sub(r"\(.*", "", text)))
    except ValueError:
        return False
