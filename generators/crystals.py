"""Bulk crystals: prototypes, and the standard cells that all other structures are cut from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import spglib
from pymatgen.core import Composition, Element, Lattice, Structure

from cuprolith.arrays import FloatArray, IntArray
from generators.conventional_cell import (
    SYMPREC,
    CellChoice,
    ConventionalCell,
    conventional_cell,
    rotations_in,
    spglib_cell,
)
from generators.crystal_checks import check_crystal
from generators.errors import GenerationError
from generators.settings import CrystalSettings
from generators.stable_numbers import on_grid, stable_round

_FACES = np.array([(0, 0, 0), (1 / 2, 1 / 2, 0), (1 / 2, 0, 1 / 2), (0, 1 / 2, 1 / 2)])
_CENTRED = np.array([(0, 0, 0), (1 / 2, 1 / 2, 1 / 2)])
# Prototype -> fractional positions of each species in the conventional cell. Written out: to make
# them from a space group takes pymatgen most of a second in each process.
_PROTOTYPES: dict[str, tuple[FloatArray, ...]] = {
    "fcc": (_FACES,),
    "bcc": (_CENTRED,),
    "hcp": (np.array([(1 / 3, 2 / 3, 1 / 4), (2 / 3, 1 / 3, 3 / 4)]),),
    "diamond": (np.vstack([_FACES, _FACES + 1 / 4]),),
    "rocksalt": (_FACES, (_FACES + 1 / 2) % 1),
    "cscl": (_CENTRED[:1], _CENTRED[1:]),
    "zincblende": (_FACES, _FACES + 1 / 4),
    "fluorite": (_FACES, np.vstack([_FACES + 1 / 4, (_FACES + 3 / 4) % 1])),
    # First origin choice: oxygen at the origin, copper halfway to half of the cell's centres.
    "cuprite": (_FACES + 1 / 4, _CENTRED),
}
_GRID = 1e-4  # of fractional coordinates that are compared
_IDEAL_HCP_RATIO = math.sqrt(8 / 3)
# Neighbours up to 10 % farther than the nearest count as first neighbours: it takes in both
# distances of hcp metals (1.09 apart in Zn) but not bcc's second shell (1.155).
_FIRST_SHELL = 1.1


@dataclass(frozen=True)
class Crystal:
    """A bulk crystal in its conventional and primitive cells, which share one orientation.

    Attributes
    ----------
    name
        Its name in the campaign.
    conventional
        Conventional cell; Miller indices refer to it.
    primitive
        Primitive cell in the same orientation.
    choice
        Whose axes the conventional cell has (see `generators.conventional_cell`).
    space_group
        Hermann–Mauguin symbol.
    """

    name: str
    conventional: Structure
    primitive: Structure
    choice: CellChoice
    space_group: str

    @cached_property
    def first_neighbours(self) -> tuple[IntArray, FloatArray]:
        """First-neighbour bonds: index of the primitive site, shape (n,), and vector (n, 3), Å."""
        centers, vectors, distances = _neighbours(self.primitive)
        near = distances <= self.cutoffs[centers]
        return centers[near], vectors[near]

    @cached_property
    def cutoffs(self) -> FloatArray:
        """First-neighbour cutoff of each primitive site, Å: 1.1 times its nearest distance."""
        centers, _, distances = _neighbours(self.primitive)
        nearest = [distances[centers == i].min() for i in range(len(self.primitive))]
        return _FIRST_SHELL * np.array(nearest)

    @cached_property
    def coordination(self) -> IntArray:
        """Number of first neighbours of each primitive site."""
        return np.bincount(self.first_neighbours[0], minlength=len(self.primitive))

    @property
    def bond_length(self) -> float:
        """Shortest distance between atoms, Å."""
        return float(self.cutoffs.min() / _FIRST_SHELL)

    @cached_property
    def symmetry_operations(self) -> tuple[IntArray, FloatArray]:
        """Rotations (n, 3, 3) and translations (n, 3), primitive fractional coordinates."""
        operations = spglib.get_symmetry(spglib_cell(self.primitive), symprec=SYMPREC)
        return operations["rotations"].astype(np.int64), operations["translations"]

    @property
    def axes(self) -> IntArray:
        """Conventional lattice vectors as rows, in primitive ones, shape (3, 3)."""
        primitive = self.primitive.lattice.matrix
        axes = self.conventional.lattice.matrix @ np.linalg.inv(primitive)
        return np.rint(axes).astype(np.int64)

    @cached_property
    def point_group(self) -> IntArray:
        """Rotations of the crystal, each once, fractions of the conventional cell: (n, 3, 3)."""
        rotations = rotations_in(self.axes, self.symmetry_operations[0])
        return np.unique(np.rint(rotations).astype(np.int64), axis=0)

    @property
    def parameters(self) -> dict[str, Any]:
        """Name and lattice constants (Å, degrees) of the conventional cell."""
        names = ("a", "b", "c", "alpha", "beta", "gamma")
        constants = map(stable_round, self.conventional.lattice.parameters)
        return {"crystal": self.name, "lattice": dict(zip(names, constants, strict=True))}


Crystals = Mapping[str, Crystal]


def prototype_structure(name: str, settings: CrystalSettings) -> Structure:
    """Build the conventional cell of a prototype.

    Parameters
    ----------
    name
        The crystal's name; read as a formula (``Cu``, ``LiF``) where `settings` names no species.
    settings
        Prototype, species and lattice constants in Å. hcp without ``c`` gets the ideal c/a.

    Raises
    ------
    GenerationError
        If the settings have no prototype, a ``c`` that the prototype does not have, or species
        that are unknown or of the wrong number.
    """
    where = f"crystals.{name}"
    if settings.prototype is None or settings.a is None:
        raise GenerationError(
            "no prototype given", key=where, remedy="Give `prototype` and `a`, or read `file`"
        )
    positions = _PROTOTYPES[settings.prototype]
    species = settings.species or _species_in(name)
    if len(species) != len(positions) or not all(map(Element.is_valid_symbol, species)):
        raise GenerationError(
            f"{settings.prototype} needs {len(positions)} element(s), got {list(species)}",
            key=f"{where}.species",
            remedy=f"Give {len(positions)} element symbol(s) in `species`",
        )
    if settings.prototype == "hcp":
        lattice = Lattice.hexagonal(settings.a, settings.c or _IDEAL_HCP_RATIO * settings.a)
    elif settings.c is not None:
        raise GenerationError(
            f"{settings.prototype} is cubic and has no lattice constant c",
            key=f"{where}.c",
            remedy="Remove `c`",
        )
    else:
        lattice = Lattice.cubic(settings.a)
    symbols = [symbol for symbol, sites in zip(species, positions, strict=True) for _ in sites]
    structure = Structure(lattice, symbols, np.vstack(positions))
    made = structure.composition.reduced_composition
    if not settings.species and made != Composition(name).reduced_composition:
        raise GenerationError(
            f"{settings.prototype} of {' and '.join(species)} is {made.reduced_formula}, "
            f"not {name}",
            key=where,
            remedy="Correct `prototype` or the name, or give `species` in the prototype's order",
        )
    return structure


def standard_crystal(name: str, structure: Structure) -> Crystal:
    """Bring a crystal, given in any cell and orientation, into its standard cells.

    Miller indices refer to the axes of the cell given, or, where that is not conventional, to
    those of the International Tables (see `generators.conventional_cell`); atoms are symmetrised
    within 0.01 Å. An atom is at the origin: of the rarest element, and of these the most metallic
    by its Mendeleev number. Where the axes are not the crystal's own, symmetry leaves open which
    of the lattice's equivalent directions is which ((111) of zincblende may end on either
    element). Of the rotations of the lattice, the one that leads to the least coordinates is then
    taken, so that (hkl) means the same face whatever primitive cell was given.

    Raises
    ------
    GenerationError
        If it is no crystal that can be computed (see `generators.crystal_checks`), or no symmetry
        can be found.
    """
    check_crystal(name, structure)
    bare = Structure(structure.lattice, [site.specie.symbol for site in structure],
                     structure.frac_coords)  # fmt: skip
    try:
        cell = conventional_cell(bare)
    except (ValueError, TypeError) as error:
        raise GenerationError(
            f"no symmetry found for crystal {name!r} ({error})",
            key=f"crystals.{name}",
            remedy="Check its atoms and its cell",
        ) from error
    conventional = _canonical(cell)
    lattice, positions, numbers = spglib.standardize_cell(
        spglib_cell(conventional), to_primitive=True, no_idealize=True, symprec=SYMPREC
    )
    primitive = Structure(lattice, numbers, positions)
    return Crystal(name, conventional, primitive, cell.choice, cell.space_group)


def named_crystal(crystals: Crystals, name: str, where: str) -> Crystal:
    """Look up a crystal that the setting with the path `where` names.

    Raises
    ------
    GenerationError
        If there is none of that name; suggests the nearest.
    """
    if name in crystals:
        return crystals[name]
    nearest = get_close_matches(name, crystals, n=1, cutoff=0.3)
    known = f"The crystals are {', '.join(crystals)}" if crystals else "Give it in `crystals`"
    raise GenerationError(
        f"there is no crystal {name!r}",
        key=where,
        remedy=f"Did you mean {nearest[0]!r}? {known}" if nearest else known,
    )


def wrapped(fractions: FloatArray) -> FloatArray:
    """Fractional coordinates in [0, 1), those a hair below 1 counted as 0."""
    return np.asarray(fractions - np.floor(fractions + 1e-6))


def _canonical(cell: ConventionalCell) -> Structure:
    """One description of the crystal among all that its conventional cell allows."""
    conventional = cell.structure
    numbers = np.array(conventional.atomic_numbers)
    counts = conventional.composition
    origin_element = min(counts, key=lambda element: (counts[element], element.mendeleev_no))
    standard = cell.choice == "standard"
    rotations = _proper_rotations(conventional) if standard else [np.eye(3, dtype=np.int64)]
    descriptions = []
    for rotation in rotations:
        turned = conventional.frac_coords @ rotation.T
        for origin in turned[numbers == origin_element.Z]:
            fractions = wrapped(turned - origin)
            grid = on_grid(fractions, _GRID)
            order = np.lexsort((grid[:, 2], grid[:, 1], grid[:, 0], numbers))
            descriptions.append((grid[order].tolist(), fractions[order], numbers[order]))
    _, fractions, numbers = min(descriptions, key=lambda description: description[0])
    return Structure(conventional.lattice, numbers, fractions)


def _proper_rotations(conventional: Structure) -> IntArray:
    """Rotations of the lattice, centring included; fractional coordinates, shape (n, 3, 3)."""
    operations = spglib.get_symmetry(spglib_cell(conventional), symprec=SYMPREC)
    centring = operations["translations"][
        (operations["rotations"] == np.eye(3, dtype=np.int64)).all(axis=(1, 2))
    ]
    # Tight: a rotation that the lattice only nearly has would strain the crystal.
    lattice = spglib.get_symmetry(
        (conventional.lattice.matrix, centring, [1] * len(centring)), symprec=1e-5
    )
    rotations = np.unique(lattice["rotations"].astype(np.int64), axis=0)
    return np.asarray(rotations[np.linalg.det(rotations) > 0])


def _species_in(formula: str) -> tuple[str, ...]:
    try:
        return tuple(element.symbol for element in Composition(formula).elements)
    except (ValueError, AttributeError):  # not a formula, or a dummy species
        return (formula,)


def _neighbours(structure: Structure) -> tuple[IntArray, FloatArray, FloatArray]:
    """All pairs that may be first neighbours: centres (n,), vectors (n, 3), lengths (n,)."""
    # The shortest lattice vector joins every atom to its own image.
    centers, _, _, distances = structure.get_neighbor_list(min(structure.lattice.abc) + 0.1)
    reach = max(distances[centers == i].min() for i in range(len(structure)))
    centers, points, images, distances = structure.get_neighbor_list((_FIRST_SHELL + 0.1) * reach)
    positions = structure.cart_coords
    vectors = positions[points] + images @ structure.lattice.matrix - positions[centers]
    return centers, vectors, distances
