"""Amorphous mixtures: atoms packed at random in a cube, as starting points for melts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Annotated

import numpy as np
from pydantic import Field
from pymatgen.core import Composition, Element, Lattice, Structure

from cuprolith.arrays import FloatArray, IntArray
from cuprolith.settings import Seed, Settings
from generators.candidate import Candidate
from generators.crystals import Crystal
from generators.errors import GenerationError, located
from generators.family import BuildContext, Family, Kind
from generators.settings import Copies, Names, Positive
from generators.stable_numbers import random_generator, stable_round

_DALTON = 1.66053906892  # 1 dalton per Å³, in g/cm³ (CODATA 2022)
_RANDOM_CLOSE_PACKING = 0.64  # of equal spheres; Scott and Kilgour, J. Phys. D 2 (1969) 863
_CLOSE_PACKING = 0.741  # of equal spheres, in any order: fcc's

_TRIES = 4
_STEPS = 1000  # of each try; fractions up to 0.5 take fewer than 100
# Pairs are pushed this much farther apart than asked for, so that the last ones, which come
# together by ever smaller steps, pass the border too.
_MARGIN = 1.002


class AmorphousSettings(Settings):
    """Disordered mixtures at a stated density: starting points for melts."""

    formulas: Names = Field(description="atoms of each cell, such as Li16Cu48")
    density: Annotated[float, Field(ge=0.01, le=30)] | None = Field(
        default=None,
        description="g/cm³; default: the crystals' volumes per atom, averaged over the mixture",
    )
    min_distance: Positive = Field(default=2.0, description="least distance of two atoms, Å")
    copies: Copies = Field(default=1, description="number of random mixtures")
    seed: Seed = Field(default=0, description="decides the positions")


def amorphous_candidates(
    formula: str, volume_per_atom: float, settings: AmorphousSettings
) -> list[Candidate]:
    """Pack the atoms of a formula at random in a periodic cube, none too close to another.

    All elements count as spheres of the same diameter `min_distance`: they start anywhere, and
    those that overlap are pushed apart until none do. The chemical order is random, too. The seed
    decides the packing, together with the cell and the number of the copy: it does not depend on
    what else is generated. All atoms are free; the candidates are roots.

    Parameters
    ----------
    formula
        Atoms of the cell, such as ``Li16Cu48``.
    volume_per_atom
        Å³; see `mixture_volume` and `volume_at_density`.

    Raises
    ------
    GenerationError
        If the formula has other than whole numbers of atoms, or the spheres do not fit; it names
        the packing fraction and the largest distance that was reached.
    """
    min_distance, seed = settings.min_distance, settings.seed
    composition = _whole_atoms(formula)
    name = composition.alphabetical_formula.replace(" ", "")
    atoms = round(composition.num_atoms)
    # A number of few digits: the last bits of a cube root differ between machines.
    edge = stable_round((atoms * volume_per_atom) ** (1 / 3))
    # Positions know nothing of elements, so that species in any order are in random places.
    amounts = sorted(composition.get_el_amt_dict().items())
    species = [symbol for symbol, amount in amounts for _ in range(int(amount))]
    candidates = []
    for copy in range(settings.copies):
        random = random_generator(f"amorphous:{seed}:{name}:{edge}:{min_distance}:{copy}")
        positions = _packed(atoms, edge, min_distance, random, name)
        structure = Structure(Lattice.cubic(edge), species, positions)
        candidates.append(
            Candidate(
                structure=structure,
                family="amorphous",
                free_mask=(True,) * atoms,
                parameters={
                    "formula": name,
                    "density": stable_round(float(structure.density)),
                    "volume_per_atom": stable_round(edge**3 / atoms),
                    "min_distance": min_distance,
                    "shortest_distance": stable_round(edge * _shortest(positions)),
                    "seed": seed,
                    "copy": copy,
                },
            )
        )
    return candidates


def volume_at_density(formula: str, density: float) -> float:
    """Volume per atom, Å³, of a formula at a density in g/cm³.

    Raises
    ------
    GenerationError
        If the formula has other than whole numbers of atoms.
    """
    composition = _whole_atoms(formula)
    return float(composition.weight) * _DALTON / (density * float(composition.num_atoms))


def mixture_volume(formula: str, crystals: Iterable[Crystal]) -> float:
    """Volume per atom, Å³, of a mixture whose elements take the room they do in their crystals.

    That is Zen's law: volumes add up (Zen, Am. Mineral. 41 (1956) 523). Of several crystals of
    one element the densest counts.

    Raises
    ------
    GenerationError
        If the formula has other than whole numbers of atoms, or an element has no crystal.
    """
    composition = _whole_atoms(formula)
    volumes: dict[str, float] = {}
    for crystal in crystals:
        primitive = crystal.primitive
        if len(primitive.composition) == 1:
            symbol = primitive[0].specie.symbol
            volume = primitive.volume / len(primitive)
            volumes[symbol] = min(volume, volumes.get(symbol, math.inf))
    missing = sorted(element.symbol for element in composition if element.symbol not in volumes)
    if missing:
        raise GenerationError(
            f"the density of {formula} is not known: no crystal consists of {missing[0]} alone",
            remedy=f"Give `density`, or add {' and '.join(missing)} to `crystals`",
        )
    total = sum(amount * volumes[element.symbol] for element, amount in composition.items())
    return float(total / composition.num_atoms)


def _whole_atoms(formula: str) -> Composition:
    """Read a formula of elements in whole numbers."""
    try:
        composition = Composition(formula)
    except (ValueError, TypeError):  # not a formula at all
        composition = Composition()
    elements = all(isinstance(element, Element) for element in composition)
    whole = all(math.isfinite(amount) and amount == int(amount) for amount in composition.values())
    if not (composition and elements and whole):
        raise GenerationError(
            f"{formula!r} does not name the atoms of a cell",
            remedy="Write elements with whole numbers, such as Li16Cu48",
        )
    return composition


def _packed(
    atoms: int, edge: float, min_distance: float, random: np.random.Generator, name: str
) -> FloatArray:
    """Fractional positions of a packing, shape (atoms, 3); refuses if none of the tries fits."""
    diameter = min_distance / edge
    fraction = _fraction(atoms, diameter)
    tries = _TRIES if fraction < _RANDOM_CLOSE_PACKING else int(fraction < _CLOSE_PACKING)
    for _ in range(tries):
        positions = _pushed_apart(random.random((atoms, 3)), diameter)
        if _shortest(positions) >= diameter:
            return positions
    fits = edge * _fitting_diameter(random.random((atoms, 3)), diameter)
    raise GenerationError(
        f"no packing of {name} with {min_distance} Å between atoms was found in a cube of "
        f"{edge:.3f} Å: spheres of that diameter fill {fraction:.2f} of it, random packings end "
        f"at about {_RANDOM_CLOSE_PACKING}, and the largest least distance that a try reached is "
        f"{fits:.3f} Å",
        remedy=f"Lower `min_distance` to {math.floor(fits * 100) / 100:.2f} Å, or the density",
    )


def _fitting_diameter(positions: FloatArray, diameter: float) -> float:
    """Shrink spheres that do not fit by 2 % at a time until they do; their least distance."""
    loosest = (_RANDOM_CLOSE_PACKING / _fraction(len(positions), 1.0)) ** (1 / 3)
    diameter = min(diameter, loosest, 1.0)
    while _shortest(positions) < diameter:
        diameter *= 0.98
        positions = _pushed_apart(positions, diameter)
    return _shortest(positions)


def _pushed_apart(positions: FloatArray, diameter: float) -> FloatArray:
    """Push overlapping spheres in the unit cube apart, until none overlap or the steps are up.

    Only operations that IEEE 754 rounds correctly, in a fixed order (pairs sorted, sums by
    `np.bincount`): packings amplify the last bit of a number, and must be alike on every machine.
    """
    positions = positions.copy()
    target = diameter * _MARGIN
    for _ in range(_STEPS):
        # The tree only proposes; its own distances may differ in the last bit.
        first, second = _near_pairs(positions, 1.001 * target)
        apart, distance = _apart(positions, first, second)
        if not (distance < diameter).any():
            break
        overlap = np.maximum(target - distance, 0.0)
        push = apart * (0.5 * overlap / distance)[:, None]
        for axis in range(3):
            positions[:, axis] += np.bincount(first, push[:, axis], len(positions))
            positions[:, axis] -= np.bincount(second, push[:, axis], len(positions))
        positions -= np.floor(positions)
        positions[positions >= 1] = 0.0  # what a hair below 0 is rounded to
    return positions


def _near_pairs(positions: FloatArray, reach: float) -> tuple[IntArray, IntArray]:
    """Pairs of atoms whose nearest images are within `reach`, in ascending order."""
    from scipy.spatial import cKDTree  # a third of a second, which settings need not wait for

    pairs = cKDTree(positions, boxsize=1.0).query_pairs(reach, output_type="ndarray")
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order, 0], pairs[order, 1]


def _apart(
    positions: FloatArray, first: IntArray, second: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Vectors (n, 3) between the nearest images of pairs of atoms, and their lengths (n,)."""
    apart = positions[first] - positions[second]
    apart -= np.rint(apart)
    square = apart * apart
    return apart, np.sqrt(square[:, 0] + square[:, 1] + square[:, 2])


def _shortest(positions: FloatArray) -> float:
    """Shortest distance of two atoms in the unit cube; 1, an atom to its own image, at most."""
    first, second = _near_pairs(positions, 1.0)
    _, distance = _apart(positions, first, second)
    return float(distance.min(initial=1.0))


def _fraction(atoms: int, diameter: float) -> float:
    """Part of the unit cube that spheres fill."""
    return atoms * math.pi / 6 * diameter**3


def _build(section: AmorphousSettings, context: BuildContext) -> Iterator[Candidate]:
    for formula in section.formulas:
        with located(f"{context.where}.formulas"):
            atoms = round(_whole_atoms(formula).num_atoms)
            context.budget.reserve(section.copies, atoms, context.where)
            volume = (
                mixture_volume(formula, context.crystals.values())
                if section.density is None
                else volume_at_density(formula, section.density)
            )
            yield from amorphous_candidates(formula, volume, section)


FAMILY = Family(
    name="amorphous",
    settings=AmorphousSettings,
    build=_build,
    kinds=(Kind("amorphous", "disordered cells", "#6b4c9a", melts=True),),
    order=60,
    several=True,
    overlap=("min_distance", "Raise `min_distance`"),
    mixtures=lambda section: section.formulas,
)
