"""The 26 slabs of Laskaris 2026, section III.B, measured on the structures alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import spglib
from pymatgen.core import Lattice, Structure

from generators.candidate import Candidate
from generators.catalogue import build_catalogue
from generators.families.slabs import SlabSettings
from generators.structures_settings import StructuresSettings


class Metal(NamedTuple):
    a: float  # Å
    centring: list[list[float]]  # atoms of the cubic cell
    thickness: float  # Å, asked for
    bond: float  # Å
    coordination: int

    def area(self, hkl) -> float:
        """Smallest area by the textbook formulas, Å²."""
        n = np.linalg.norm(hkl)
        if len(self.centring) == 4:
            odd = all(index % 2 for index in hkl)
            return self.a**2 * n / (4 if odd else 2)
        return self.a**2 * n / (2 if sum(hkl) % 2 == 0 else 1)

    @property
    def density(self) -> float:
        return len(self.centring) / self.a**3

    @property
    def bulk(self) -> Structure:
        return Structure(Lattice.cubic(self.a), ["H"] * len(self.centring), self.centring)


METALS = {
    "Cu": Metal(3.58, [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]], 30.0,
                3.58 / np.sqrt(2), 12),
    "Li": Metal(3.48, [[0, 0, 0], [0.5, 0.5, 0.5]], 20.0, 3.48 * np.sqrt(3) / 2, 8),
}  # fmt: skip
INDICES = [(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (2, 1, 1), (2, 2, 1), (3, 1, 0), (3, 1, 1),
           (3, 2, 0), (3, 2, 1), (3, 2, 2), (3, 3, 1), (3, 3, 2)]  # fmt: skip
SLABS = [(name, hkl) for name in METALS for hkl in INDICES]


@pytest.fixture(scope="module")
def slabs() -> dict[tuple[str, tuple[int, int, int]], Candidate]:
    settings = StructuresSettings(
        slabs=tuple(
            SlabSettings(crystal=name, max_index=3, min_thickness=metal.thickness, vacuum=15)
            for name, metal in METALS.items()
        )
    )
    crystals = {
        name: Structure(metal.bulk.lattice, [name] * len(metal.bulk), metal.centring)
        for name, metal in METALS.items()
    }
    candidates = build_catalogue(crystals, settings).candidates
    assert len(candidates) == 26
    found = {(slab.structure[0].specie.symbol, slab.miller_index): slab for slab in candidates}
    assert sorted(found) == sorted(SLABS)
    return found


def neighbours(structure: Structure, left: np.ndarray, cutoff: float) -> np.ndarray:
    """Number of neighbours of each atom among those left; no periodicity along c."""
    alone = Structure(
        Lattice(structure.lattice.matrix, pbc=(True, True, False)),
        structure.species,
        structure.frac_coords,
    )
    centres, points, _, _ = alone.get_neighbor_list(cutoff)
    return np.bincount(centres[left[points]], minlength=len(structure))


@pytest.mark.parametrize(("name", "hkl"), SLABS)
def test_cell(slabs, name, hkl):
    a, b, c = slabs[name, hkl].structure.lattice.matrix
    normal = np.cross(a, b)
    area = np.linalg.norm(normal)
    assert area == pytest.approx(METALS[name].area(hkl), rel=1e-6)
    assert np.cross(normal, c) == pytest.approx(np.zeros(3), abs=1e-9)
    assert normal @ c > 0
    assert np.linalg.norm(a) <= np.linalg.norm(b) * (1 + 1e-9)
    assert abs(a @ b) / np.linalg.norm(a) / np.linalg.norm(b) <= 0.5 + 1e-9


@pytest.mark.parametrize(("name", "hkl"), SLABS)
def test_heights(slabs, name, hkl):
    metal, structure = METALS[name], slabs[name, hkl].structure
    z = np.sort(structure.cart_coords[:, 2])
    area = structure.volume / structure.lattice.c
    spacing = 1 / metal.density / area
    thickness = z[-1] - z[0]
    assert metal.thickness - 1e-6 <= thickness < metal.thickness + spacing
    assert z[0] == pytest.approx(15)
    assert structure.lattice.c - z[-1] == pytest.approx(15)
    # Every lattice plane is there, with one atom: as many atoms as the volume of bulk holds.
    assert np.diff(z) == pytest.approx(spacing)
    assert len(z) / (area * (thickness + spacing)) == pytest.approx(metal.density)


@pytest.mark.parametrize(("name", "hkl"), SLABS)
def test_free_layers_by_peeling(slabs, name, hkl):
    # A layer: the atoms with fewer neighbours than in the bulk. Taken off, they bare the next.
    metal, slab = METALS[name], slabs[name, hkl]
    left = np.ones(len(slab.structure), dtype=bool)
    for _ in range(2):
        left &= neighbours(slab.structure, left, 1.1 * metal.bond) == metal.coordination
    assert slab.free_mask == tuple((~left).tolist())
    assert left.any()


@pytest.mark.parametrize(("name", "hkl"), SLABS)
def test_the_middle_is_bulk(slabs, name, hkl):
    metal, structure = METALS[name], slabs[name, hkl].structure
    z = structure.cart_coords[:, 2]
    depth = np.minimum(z - z.min(), z.max() - z)
    middle = np.flatnonzero(depth > 1.1 * metal.bond)
    counts = neighbours(structure, np.ones(len(z), dtype=bool), 1.1 * metal.bond)
    assert (counts[middle] == metal.coordination).all()
    for atom in (int(middle[0]), int(np.argmax(depth))):
        reach = depth[atom] - 1e-3
        ours = sorted(n.nn_distance for n in structure.get_neighbors(structure[atom], reach))
        bulk = sorted(n.nn_distance for n in metal.bulk.get_neighbors(metal.bulk[0], reach))
        assert ours == pytest.approx(bulk, abs=1e-6)
        assert len(ours) >= metal.coordination


@pytest.mark.parametrize(("name", "hkl"), SLABS)
def test_inversion_of_the_written_structure(slabs, name, hkl):
    structure = Structure.from_str(slabs[name, hkl].structure.to(fmt="poscar"), fmt="poscar")
    operations = spglib.get_symmetry(
        (structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers), symprec=1e-4
    )
    assert any((rotation == -np.eye(3)).all() for rotation in operations["rotations"])
