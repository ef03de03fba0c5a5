"""Features of atomic environments: SOAP power spectra and radial densities, with gradients.

featomic computes them. The power spectrum of an atom has a block for each pair of species around
it (Bartók, Kondor and Csányi 2013, Phys. Rev. B 87, 184115); the radial density of a species
around an atom is a sum over pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from cuprolith.arrays import FloatArray, IntArray

_SMOOTHING = 1.0  # Å over which a neighbour fades out at the cutoff
_WIDTH = 0.5  # Å, Gaussian of a neighbour in the power spectrum
_N_RADIAL, _L_MAX = 6, 4
_PAIR_WIDTH = 0.3  # Å, Gaussian of a neighbour in the radial densities
_N_PAIR_RADIAL = 16
_VALUES_AT_ONCE = 2_400_000  # of gradients, times three directions: some 60 MB


@dataclass(frozen=True, eq=False)
class Block:
    """One block of the features of some centres.

    Attributes
    ----------
    columns
        Columns of the features of this species of centre that the block fills.
    centres
        Rows of `Centres.values` that a row of `gradient` belongs to, shape (rows,).
    atoms
        Atom that is moved, shape (rows,).
    gradient
        Derivative of the features, shape (rows, 3, columns), 1/Å.
    """

    columns: slice
    centres: IntArray
    atoms: IntArray
    gradient: FloatArray


@dataclass(frozen=True, eq=False)
class Centres:
    """Power spectra around the atoms of one species, shape (n, features), and their gradients."""

    number: int
    values: FloatArray
    blocks: tuple[Block, ...]

    @property
    def n_values(self) -> int:
        """Numbers in the gradients."""
        return sum(block.gradient.size for block in self.blocks)


@dataclass(frozen=True, eq=False)
class PairSums:
    """Radial densities of a structure, summed over its atoms.

    Attributes
    ----------
    values
        Shape (pairs of species × radial functions,).
    gradient
        Shape (n_atoms, 3, as above), 1/Å.
    """

    values: FloatArray
    gradient: FloatArray


class Features:
    """Features of structures of given elements.

    Parameters
    ----------
    numbers
        Atomic numbers of the elements.
    r_max
        Cutoff radius, Å.

    Raises
    ------
    ImportError
        If featomic is not installed.
    ValueError
        From all methods, if featomic cannot compute a structure.
    """

    def __init__(self, numbers: Sequence[int], r_max: float) -> None:
        from featomic import SoapPowerSpectrum, SoapRadialSpectrum

        self.numbers = tuple(sorted(numbers))
        self.r_max = r_max
        self.pairs = [(a, b) for a in self.numbers for b in self.numbers if a <= b]
        cutoff = {
            "radius": r_max,
            "smoothing": {"type": "ShiftedCosine", "width": min(_SMOOTHING, r_max / 2)},
        }
        self._power = SoapPowerSpectrum(
            cutoff=cutoff,
            density={"type": "Gaussian", "width": _WIDTH},
            basis={
                "type": "TensorProduct",
                "max_angular": _L_MAX,
                "radial": {"type": "Gto", "max_radial": _N_RADIAL - 1},
            },
        )
        self._radial = SoapRadialSpectrum(
            cutoff=cutoff,
            density={"type": "Gaussian", "width": _PAIR_WIDTH},
            basis={"radial": {"type": "Gto", "max_radial": _N_PAIR_RADIAL - 1}},
        )
        self._columns, self.n_features = _block_columns(self.pairs)

    @property
    def n_pair_features(self) -> int:
        """Number of columns of `pair_sums`."""
        return len(self.pairs) * _N_PAIR_RADIAL

    def environments(self, atoms: Atoms) -> dict[int, FloatArray]:
        """Return the power spectra by species of the centre, shape (n_centres, n_features)."""
        power = _compute(self._power, _periodic(atoms, self.r_max))
        return {centre.number: centre.values for centre in self._centres(power)}

    def centres(self, atoms: Atoms) -> Iterator[Centres]:
        """Yield power spectra with gradients, some centres of one species at a time."""
        from metatensor import Labels

        system = _periodic(atoms, self.r_max)
        # An atom has at most every other atom, and some 100 in a sphere of a dense metal.
        step = max(1, _VALUES_AT_ONCE // (self.n_features * min(len(atoms), 100)))
        for start in range(0, len(atoms), step):
            some = np.arange(start, min(start + step, len(atoms)), dtype=np.int32)
            selected = Labels(["atom"], some[:, None])
            power = _compute(
                self._power, system, gradients=["positions"], selected_samples=selected
            )
            yield from self._centres(power)

    def pair_sums(self, atoms: Atoms) -> PairSums:
        """Return the radial densities of each pair of species, summed over the atoms."""
        radial = _compute(self._radial, _periodic(atoms, self.r_max), gradients=["positions"])
        values = np.zeros((len(self.pairs), _N_PAIR_RADIAL))
        gradient = np.zeros((len(atoms), 3, len(self.pairs), _N_PAIR_RADIAL))
        for index, pair in enumerate(self.pairs):
            block = _block(radial, center_type=pair[0], neighbor_type=pair[1])
            if block is None:
                continue
            values[index] = block.values.sum(axis=0)
            moved = block.gradient("positions")
            np.add.at(gradient[:, :, index], moved.samples["atom"], moved.values)
        return PairSums(values.ravel(), gradient.reshape(len(atoms), 3, -1))

    def _centres(self, power: Any) -> Iterator[Centres]:
        for number in self.numbers:
            found = [
                (pair, block)
                for pair in self.pairs
                if (block := _power_block(power, number, pair)) is not None
            ]
            if not found:
                continue
            centres = np.unique(np.concatenate([block.samples["atom"] for _, block in found]))
            values = np.zeros((len(centres), self.n_features))
            blocks = []
            for pair, block in found:
                columns = self._columns[pair]
                rows = np.searchsorted(centres, block.samples["atom"])
                values[rows, columns] = _without_doubles(block.values, block.properties, pair)
                if block.has_gradient("positions"):
                    moved = block.gradient("positions")
                    gradient = _without_doubles(moved.values, block.properties, pair)
                    blocks.append(
                        Block(
                            columns,
                            rows[moved.samples["sample"]],
                            np.asarray(moved.samples["atom"], dtype=np.int64),
                            gradient,
                        )
                    )
            yield Centres(number, values, tuple(blocks))


def _compute(calculator: Any, system: Atoms, **options: Any) -> Any:
    from featomic.status import FeatomicError

    try:
        return calculator.compute(system, **options)
    except FeatomicError as error:
        raise ValueError(f"featomic could not compute features: {error}") from error


def _block_columns(pairs: Sequence[tuple[int, int]]) -> tuple[dict[tuple[int, int], slice], int]:
    columns, start = {}, 0
    same = (_L_MAX + 1) * _N_RADIAL * (_N_RADIAL + 1) // 2
    mixed = (_L_MAX + 1) * _N_RADIAL**2
    for pair in pairs:
        size = same if pair[0] == pair[1] else mixed
        columns[pair] = slice(start, start + size)
        start += size
    return columns, start


def _power_block(power: Any, number: int, pair: tuple[int, int]) -> Any:
    return _block(power, center_type=number, neighbor_1_type=pair[0], neighbor_2_type=pair[1])


def _block(tensors: Any, **key: int) -> Any:
    from metatensor import Labels

    found = tensors.keys.select(Labels(list(key), np.array([list(key.values())])))
    return tensors.block(int(found[0])) if len(found) else None


def _without_doubles(values: FloatArray, properties: Any, pair: tuple[int, int]) -> FloatArray:
    """Keep n₁ ≤ n₂, with √2 where they differ, if the species are the same; else keep all."""
    if pair[0] != pair[1]:
        return values
    first, second = properties["n_1"], properties["n_2"]
    kept = np.flatnonzero(first <= second)
    distinct: FloatArray = values[..., kept]
    distinct *= np.where(first[kept] < second[kept], math.sqrt(2), 1.0)
    return distinct


def _periodic(atoms: Atoms, r_max: float) -> Atoms:
    """Make a structure periodic along all directions or none; new images are out of reach."""
    numbers, positions = atoms.numbers, atoms.positions
    pbc = np.asarray(atoms.pbc) & atoms.cell.array.any(axis=1)
    if not pbc.any():
        return Atoms(numbers, positions)
    cell = atoms.cell.complete().array.copy()
    for axis in np.flatnonzero(~pbc):
        others = np.delete(cell, axis, axis=0)
        normal = np.cross(*others)
        normal /= np.linalg.norm(normal)
        cell[axis] = normal * (np.ptp(positions @ normal) + 2 * r_max)
    return Atoms(numbers, positions, cell=cell, pbc=True)
