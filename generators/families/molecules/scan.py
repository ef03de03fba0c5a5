"""Grids over internal coordinates of a molecule: distances, angles and dihedral angles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from cuprolith.arrays import FloatArray
from generators.errors import GenerationError
from generators.families.molecules.geometries import Geometry
from generators.families.molecules.settings import CoordinateSettings
from generators.stable_numbers import stable_round

_BOND = 1.3  # of the sum of covalent radii: what is closer is bonded
_SAME = 1e-6  # Å or degrees


def scan_geometries(
    start: Geometry, scan: Sequence[CoordinateSettings], where: str = ""
) -> Iterator[Geometry]:
    """Yield the geometries of all combinations of values; the last coordinate varies fastest.

    Each coordinate moves its last atom and the part of the molecule that is bonded to it, and
    leaves the other part as it is. A distance is changed along the line of its two atoms.

    Raises
    ------
    GenerationError
        If an atom is missing, a coordinate has no direction (angles of 180°), or one coordinate
        changes another.
    """
    for number, coordinate in enumerate(scan):
        if max(coordinate.atoms) >= len(start.symbols):
            raise GenerationError(
                f"{start.parameters['molecule']} has {len(start.symbols)} atoms, counted from 0, "
                f"and there is no atom {max(coordinate.atoms)}",
                key=f"{where}[{number}].atoms",
            )
    moving = [_moving_part(start, coordinate.atoms) for coordinate in scan]
    values = [np.linspace(*coordinate.range, coordinate.points) for coordinate in scan]
    for combination in product(*values):
        atoms = Atoms(start.symbols, start.positions)
        for coordinate, part, value in zip(scan, moving, combination, strict=True):
            _set(atoms, coordinate.atoms, float(value), part)
        _require(atoms, scan, combination, where)
        rounded = [stable_round(float(value)) for value in combination]
        yield Geometry(
            start.symbols,
            atoms.positions,
            {
                **start.parameters,
                "scan": [
                    {"atoms": list(coordinate.atoms), "value": value}
                    for coordinate, value in zip(scan, rounded, strict=True)
                ],
            },
        )


def bonded(symbols: Sequence[str], positions: FloatArray) -> np.ndarray:
    """Return which atoms are bonded, shape (n, n): by the sum of covalent radii."""
    radii = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in symbols])
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1)
    near = distances < _BOND * (radii[:, None] + radii)
    np.fill_diagonal(near, val=False)
    return near


def _moving_part(start: Geometry, atoms: tuple[int, ...]) -> list[int]:
    """Return the last atom and all that is bonded to it other than through those before it."""
    neighbours = bonded(start.symbols, start.positions)
    part, front = {atoms[-1]}, [atoms[-1]]
    while front:
        for other in np.flatnonzero(neighbours[front.pop()]).tolist():
            if other not in part and other not in atoms[:-1]:
                part.add(other)
                front.append(other)
    return sorted(part)


def _set(atoms: Atoms, which: tuple[int, ...], value: float, part: list[int]) -> None:
    if len(which) == 2:
        first, last = which
        direction = atoms.positions[last] - atoms.positions[first]
        distance = float(np.linalg.norm(direction))
        atoms.positions[part] += direction * (value / distance - 1)
    elif len(which) == 3:
        atoms.set_angle(*which, value, indices=part)
    else:
        atoms.set_dihedral(*which, value, indices=part)


def _require(
    atoms: Atoms, scan: Sequence[CoordinateSettings], values: Sequence[float], where: str
) -> None:
    for number, (coordinate, value) in enumerate(zip(scan, values, strict=True)):
        which = coordinate.atoms
        if len(which) == 2:
            off = atoms.get_distance(*which) - value
        elif len(which) == 3:
            off = atoms.get_angle(*which) - value
        else:
            off = (atoms.get_dihedral(*which) - value + 180) % 360 - 180
        if not abs(off) < _SAME * max(1.0, 100 * (len(which) > 2)):
            raise GenerationError(
                f"with all coordinates set, that of the atoms {list(which)} is {value + off:.6g}, "
                f"not {value:.6g}",
                key=f"{where}[{number}]",
                remedy="Choose coordinates that do not change each other, distances first, and "
                "no angle of a straight line",
            )
