"""Sparse kernel ridge regression of energies and forces, with explicit pair terms.

The energy of a structure is a sum over its atoms i and over pairs of atoms,

    E = Σᵢ Σₘ cₘ (p̂ᵢ · p̂ₘ)² + Σₙ wₙ xₙ + Σ_species e,

with p̂ the normalised power spectrum, m the sparse environments of the species of atom i, and xₙ
the radial densities. Kernel and subset of regressors follow Bartók and Csányi 2015, Int. J. Quantum
Chem. 115, 1051 (equations 29 and 40 there).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from ase import Atoms
from scipy.linalg import eigh
from scipy.sparse import csr_array

from analysis.kernel_baseline.features import Centres, Features
from cuprolith.arrays import FloatArray

# Å⁻¹: an error of 1 meV/atom weighs as much as one of 30 meV/Å in a force component.
ENERGY_WEIGHT = 30.0
# eV/Å: beyond it errors count relative to the force, or dimers would outweigh all crystals.
_LARGE_FORCE = 1.0
_SMALLEST_EIGENVALUE = 1e-10  # of the kernel of the sparse environments, over the largest
_ATOM_SCALE = 10.0  # eV: energies of species are hardly held back by the ridge


@dataclass(frozen=True, eq=False)
class DesignRows:
    """How energy and forces of one structure follow from the coefficients.

    Attributes
    ----------
    energy
        Shape (n_coefficients,).
    forces
        Shape (n_atoms, 3, n_coefficients), 1/Å.
    n_products
        Multiplications of gradients with sparse environments that it took: a measure of time that
        is the same on every machine.
    """

    energy: FloatArray
    forces: FloatArray
    n_products: int = 0


class Design:
    """Columns of the regression: kernels, pair terms and one energy per species.

    Parameters
    ----------
    features
        What the environments are described by.
    sparse
        Normalised power spectra of the sparse environments, by species of the centre,
        shape (n_sparse, n_features).
    """

    def __init__(self, features: Features, sparse: Mapping[int, FloatArray]) -> None:
        self.features = features
        self.sparse = dict(sparse)
        self.bases = {number: _orthonormal((rows @ rows.T) ** 2) for number, rows in sparse.items()}
        self.kernel_columns: dict[int, slice] = {}
        start = 0
        for number, basis in self.bases.items():
            self.kernel_columns[number] = slice(start, start + basis.shape[1])
            start += basis.shape[1]
        self.pair_columns = slice(start, start + features.n_pair_features)
        self.n_columns = self.pair_columns.stop + len(features.numbers)

    def rows(self, atoms: Atoms) -> DesignRows:
        """Return the rows of a structure."""
        energy = np.zeros(self.n_columns)
        forces = np.zeros((len(atoms), 3, self.n_columns))
        n_products = 0
        for number, kernels in self._kernels(atoms).items():
            n_products += kernels.n_products
            columns, basis = self.kernel_columns[number], self.bases[number]
            energy[columns] = kernels.energy @ basis
            forces[..., columns] = kernels.forces @ basis
        pairs = self.features.pair_sums(atoms)
        energy[self.pair_columns] = pairs.values
        forces[..., self.pair_columns] = -pairs.gradient
        for index, number in enumerate(self.features.numbers):
            energy[self.pair_columns.stop + index] = np.count_nonzero(atoms.numbers == number)
        return DesignRows(energy, forces, n_products)

    def _kernels(self, atoms: Atoms) -> dict[int, DesignRows]:
        """Return kernels with the sparse environments, by species of the centre."""
        found: dict[int, DesignRows] = {}
        for centres in self.features.centres(atoms):
            number = centres.number
            if number not in self.sparse:
                continue
            n_sparse = len(self.sparse[number])
            kernels = found.get(number) or DesignRows(
                np.zeros(n_sparse), np.zeros((len(atoms), 3, n_sparse))
            )
            self._add_kernels(centres, kernels)
            n_products = kernels.n_products + n_sparse * centres.n_values
            found[number] = replace(kernels, n_products=n_products)
        return found

    def _add_kernels(self, centres: Centres, kernels: DesignRows) -> None:
        """Add the kernels of some centres, and the forces that follow from them.

        With c = p̂·q and k = c², the gradient is 2c (∇p·q − c p̂·∇p)/|p|.
        """
        sparse, forces = self.sparse[centres.number], kernels.forces
        norms = np.linalg.norm(centres.values, axis=1)
        unit = centres.values / norms[:, None]
        cosines = unit @ sparse.T
        kernels.energy[:] += (cosines**2).sum(axis=0)
        slopes = 2 * cosines / norms[:, None]
        n_atoms = len(forces)
        for block in centres.blocks:
            n_rows = len(block.atoms)
            if not n_rows:  # no centre has such neighbours
                continue
            along = (
                block.gradient.reshape(-1, block.gradient.shape[-1]) @ sparse[:, block.columns].T
            )
            along = along.reshape(n_rows, 3, -1)
            along *= slopes[block.centres, None, :]
            summed = csr_array(
                (np.ones(n_rows), (block.atoms, np.arange(n_rows))), shape=(n_atoms, n_rows)
            )
            forces -= (summed @ along.reshape(n_rows, -1)).reshape(forces.shape)
            stretch = np.einsum("rxf,rf->rx", block.gradient, unit[block.centres, block.columns])
            for axis in range(3):
                spread = csr_array(
                    (stretch[:, axis], (block.atoms, block.centres)),
                    shape=(n_atoms, len(norms)),
                )
                forces[:, axis] += spread @ (slopes * cosines)


class NormalEquations:
    """Running sums of the regression, so that no rows stay in memory."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self._matrix = np.zeros((design.n_columns, design.n_columns))
        self._right = np.zeros(design.n_columns)
        self._pushes = np.zeros(design.n_columns)
        self._components = 0

    def add(self, rows: DesignRows, energy: float, forces: FloatArray) -> None:
        """Take in a training frame: its energy, eV, and forces, shape (n_atoms, 3), eV/Å."""
        large = np.maximum(1, np.linalg.norm(forces, axis=1) / _LARGE_FORCE)
        pushes = (rows.forces / large[:, None, None]).reshape(-1, self.design.n_columns)
        forces = forces / large[:, None]
        weight = ENERGY_WEIGHT / len(forces) / large.max()
        self._matrix += pushes.T @ pushes + np.outer(weight * rows.energy, weight * rows.energy)
        self._right += pushes.T @ forces.ravel() + weight**2 * energy * rows.energy
        self._pushes += np.einsum("ij,ij->j", pushes, pushes)
        self._components += len(pushes)

    def solve(self, ridges: Sequence[float]) -> FloatArray:
        """Return the coefficients for each ridge, shape (n_columns, n_ridges).

        The ridge is in (eV/Å)², on a basis in which kernel functions have norm 1 and pair
        functions a root mean square force of 1 eV/Å.
        """
        scales = np.ones(self.design.n_columns)
        pairs = self.design.pair_columns
        root_mean_square = np.sqrt(self._pushes[pairs] / max(self._components, 1))
        # A pair of species that never meets has no columns to speak of.
        scales[pairs] = np.where(root_mean_square > 0, 1 / np.maximum(root_mean_square, 1e-12), 0)
        scales[pairs.stop :] = _ATOM_SCALE
        values, vectors = eigh(self._matrix * np.outer(scales, scales))
        right = vectors.T @ (scales * self._right)
        damped = right[:, None] / (np.maximum(values, 0)[:, None] + np.asarray(ridges))
        coefficients: FloatArray = scales[:, None] * (vectors @ damped)
        return coefficients


def _orthonormal(kernel: FloatArray) -> FloatArray:
    """Return combinations of kernel functions that are orthonormal, shape (n, up to n)."""
    values, vectors = eigh(kernel)
    kept = values > _SMALLEST_EIGENVALUE * values[-1]
    basis: FloatArray = vectors[:, kept] / np.sqrt(values[kept])
    return basis


@dataclass(frozen=True, eq=False)
class KernelModel:
    """A fitted model: a design and its coefficients, shape (n_columns,)."""

    design: Design
    coefficients: FloatArray

    @cached_property
    def _weights(self) -> dict[int, FloatArray]:
        """Coefficients of the kernels themselves, by species of the centre."""
        return {
            number: basis @ self.coefficients[self.design.kernel_columns[number]]
            for number, basis in self.design.bases.items()
        }

    def predict(self, atoms: Atoms) -> tuple[float, FloatArray]:
        """Return the energy, eV, and the forces, shape (n_atoms, 3), eV/Å.

        The sum over sparse environments comes first, so that this is cheaper than `Design.rows`.
        """
        design = self.design
        pairs = design.features.pair_sums(atoms)
        weights = self.coefficients[design.pair_columns]
        energy, forces = float(pairs.values @ weights), -(pairs.gradient @ weights)
        for offset, number in enumerate(design.features.numbers, design.pair_columns.stop):
            energy += self.coefficients[offset] * np.count_nonzero(atoms.numbers == number)
        for centres in design.features.centres(atoms):
            if centres.number not in design.sparse:
                continue
            sparse = design.sparse[centres.number]
            weights = self._weights[centres.number]
            norms = np.linalg.norm(centres.values, axis=1, keepdims=True)
            unit = centres.values / norms
            cosines = unit @ sparse.T
            energy += float((cosines**2 @ weights).sum())
            slopes = (2 * cosines * weights) @ sparse / norms
            slopes -= unit * np.einsum("if,if->i", slopes, unit)[:, None]
            for block in centres.blocks:
                pulled = np.einsum(
                    "rxf,rf->rx", block.gradient, slopes[block.centres, block.columns]
                )
                np.subtract.at(forces, block.atoms, pulled)
        return energy, forces
