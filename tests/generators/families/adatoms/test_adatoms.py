from __future__ import annotations

import json

import numpy as np
import pytest
from ase.data import covalent_radii
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher

from generators.errors import GenerationError
from tests.candidates import adatom_candidates, cut_slab


def nearest(candidate) -> np.ndarray:
    structure = candidate.structure
    neighbours = structure.get_neighbors(structure[-1], 6)
    return np.sort([neighbour.nn_distance for neighbour in neighbours])


def test_distances_on_fcc_111(cu):
    slab = cut_slab(cu, (1, 1, 1), min_thickness=9, vacuum=8)
    bond = 3.575 / np.sqrt(2)
    lateral = {"on_top": (1, 0.0), "bridge": (2, bond / 2), "hollow": (3, bond / np.sqrt(3))}
    candidates = adatom_candidates(slab, ("Li",), height=2.0)
    assert [c.parameters["site"] for c in candidates] == ["on_top", "bridge", "hollow", "hollow"]
    for candidate in candidates:
        number, distance = lateral[candidate.parameters["site"]]
        found = nearest(candidate)
        assert found[:number] == pytest.approx(np.hypot(distance, 2.0))
        assert found[number] > found[0] + 0.1


def test_hollow_of_fcc_110_is_above_the_ridges(cu):
    """The atom in the trough carries the adatom too; the height is measured from the ridges."""
    slab = cut_slab(cu, (1, 1, 0), min_thickness=9, vacuum=8)
    (hollow,) = adatom_candidates(slab, ("Cu",), sites=("hollow",), height=2.0)
    z = hollow.structure.cart_coords[:, 2]
    assert z[-1] - z[:-1].max() == pytest.approx(2.0)
    found = nearest(hollow)
    # The four atoms of the ridges around are nearest, then the one straight down in the trough.
    ridge = np.sqrt(2.0**2 + (3.575 / 2) ** 2 + (3.575 / np.sqrt(8)) ** 2)
    assert found[:5] == pytest.approx([ridge] * 4 + [2.0 + 3.575 / np.sqrt(8)])


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(["Cu", "Li"]),
    hkl=st.sampled_from([(1, 0, 0), (1, 1, 1), (2, 1, 0), (2, 1, 1), (3, 1, 1), (3, 3, 2)]),
    height=st.floats(1.5, 3.0),
)
def test_adatoms_keep_their_distance(crystals, name, hkl, height):
    slab = cut_slab(crystals[name], hkl, min_thickness=9, vacuum=8)
    bond = crystals[name].bond_length
    for candidate in adatom_candidates(slab, ("Li",), height=height, supercell=(2, 2)):
        assert nearest(candidate)[0] > min(height, 0.85 * bond) - 1e-6
        assert nearest(candidate)[0] < height + bond


def test_sites_are_distinct(li):
    slab = cut_slab(li, (2, 1, 1), min_thickness=9, vacuum=8)
    candidates = adatom_candidates(slab, ("Cu",), supercell=(1, 1))
    matcher = StructureMatcher(primitive_cell=False, scale=False, stol=0.01)
    groups = matcher.group_structures([candidate.structure for candidate in candidates])
    assert len(groups) == len(candidates)


def test_unequal_faces_carry_adatoms_on_both(zns):
    slab = cut_slab(zns, (1, 1, 1), min_thickness=9, vacuum=8)
    candidates = adatom_candidates(slab, ("Cu",), supercell=(1, 1), height=2.0)
    tops = {"top": "Zn", "bottom": "S"}  # what ends the face, by bulk stacking
    assert [c.parameters["face"] for c in candidates] == sorted(
        (c.parameters["face"] for c in candidates), reverse=True
    )
    for candidate in candidates:
        face = candidate.parameters["face"]
        z = candidate.structure.cart_coords[:, 2]
        outside = z[-1] - z[:-1].max() if face == "top" else z[:-1].min() - z[-1]
        # 2 Å outside its local surface, which may lie below the outermost plane.
        assert 2.0 - slab.layer_depth - 1e-6 < outside < 2.0 + 1e-6
        if candidate.parameters["site"] == "on_top" and outside > 1.99:
            below = candidate.structure[int(np.argmin(np.abs(z[:-1] - z[-1])))]
            assert below.specie.symbol == tops[face]
    assert {c.parameters["face"] for c in candidates} == {"top", "bottom"}
    matcher = StructureMatcher(primitive_cell=False, scale=False, stol=0.01)
    assert len(matcher.group_structures([c.structure for c in candidates])) == len(candidates)


@pytest.mark.parametrize(
    ("name", "hkl"), [("Cu", (3, 1, 1)), ("Li", (2, 1, 1)), ("LiF", (1, 1, 1))]
)
def test_pymatgens_cell_carries_the_same_sites(crystals, name, hkl):
    slab = cut_slab(crystals[name], hkl, min_thickness=9, vacuum=8)
    small = adatom_candidates(slab, ("Cu",), supercell=(2, 2))
    large = adatom_candidates(slab, ("Cu",), supercell=(2, 2), cell="pymatgen")
    assert len(small) == len(large)
    for one, other in zip(small, large, strict=True):
        # The same surroundings, on a larger area and so at a lower concentration.
        assert nearest(other)[:8] == pytest.approx(nearest(one)[:8])
        ratio = other.structure.volume / one.structure.volume
        assert ratio > 1.9
        assert ratio == pytest.approx(other.parameters["area"] / one.parameters["area"], rel=1e-6)
        assert len(other.structure) - 1 == pytest.approx(ratio * (len(one.structure) - 1))


def contacts(candidate) -> np.ndarray:
    """Distances from the adatom, in sums of covalent radii."""
    structure = candidate.structure
    radii = covalent_radii[[site.specie.Z for site in structure]]
    return np.array([
        neighbour.nn_distance / (radii[-1] + radii[neighbour.index])
        for neighbour in structure.get_neighbors(structure[-1], 6)
    ])  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(["Cu", "Li", "LiF", "ZnS", "C", "Mg", "Cu2O"]),
    hkl=st.sampled_from([(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (1, 0, 1), (1, -2, 1)]),
    species=st.sampled_from(["H", "O", "Li", "Cu", "Cs"]),
)
def test_adatoms_touch_the_surface_and_lie_outside(crystals, name, hkl, species):
    slab = cut_slab(crystals[name], hkl, min_thickness=8, vacuum=8)
    for candidate in adatom_candidates(slab, (species,), supercell=(2, 2)):
        closest = contacts(candidate).min()
        assert closest > 0.95 - 0.005  # heights are rounded to 0.01 Å
        # Over a wide hollow it is held up without touching anything.
        radii = covalent_radii[[site.specie.Z for site in candidate.structure]]
        least = 0.95 * (radii[-1] + radii[:-1].max()) / 2
        assert closest < 0.96 or candidate.parameters["height"] < least + 0.006
        atoms = candidate.structure.cart_coords
        # Not buried: no atom straight outside of it.
        over = np.linalg.norm(atoms[:-1, :2] - atoms[-1, :2], axis=1) < 1.0
        side = 1 if candidate.parameters["face"] == "top" else -1
        assert (side * (atoms[-1, 2] - atoms[:-1][over, 2]) > 0.4).all()


def heights(slab, species, **options) -> dict[str, float]:
    made = adatom_candidates(slab, (species,), **options)
    return {candidate.parameters["site"]: candidate.parameters["height"] for candidate in made}


def test_heights_follow_elements_and_sites(cu):
    slab = cut_slab(cu, (1, 1, 1), min_thickness=9, vacuum=8)
    copper, oxygen, lithium = (heights(slab, species) for species in ("Cu", "O", "Li"))
    for found in (copper, oxygen, lithium):
        assert found["hollow"] < found["bridge"] < found["on_top"]
    # Three atoms at the corners of a triangle, its middle a/√6 away; measured: O 1.1-1.2 Å.
    bond = 0.95 * 2 * covalent_radii[29]
    assert copper["hollow"] == pytest.approx(np.sqrt(bond**2 - 3.575**2 / 6), abs=0.006)
    assert 1.8 < copper["hollow"] < 2.1
    assert 1.0 < oxygen["hollow"] < 1.3
    assert oxygen["hollow"] < lithium["hollow"]
    assert heights(slab, "Cu", height=2.0) == dict.fromkeys(copper, 2.0)


def test_small_atoms_do_not_sink_into_hollows(cu):
    """Hydrogen would pass between the four atoms of (100), 1.79 Å from its middle."""
    slab = cut_slab(cu, (1, 0, 0), min_thickness=9, vacuum=8)
    contact = 0.95 * (covalent_radii[1] + covalent_radii[29])
    assert contact < 3.575 / 2
    assert heights(slab, "H")["hollow"] == pytest.approx(contact / 2, abs=0.006)


def test_provenance_and_constraints(cu):
    slab = cut_slab(cu, (1, 0, 0), min_thickness=9, vacuum=8, free_layers=1)
    candidates = adatom_candidates(slab, ("Li", "Cu"), sites=("hollow", "on_top"))
    assert [(c.parameters["species"], c.parameters["site"]) for c in candidates] == [
        ("Li", "on_top"), ("Li", "hollow"), ("Cu", "on_top"), ("Cu", "hollow"),
    ]  # fmt: skip
    for candidate in candidates:
        assert candidate.family == "adatom"
        assert candidate.parent_id == slab.candidate.structure_id
        assert candidate.miller_index == (1, 0, 0)
        assert candidate.structure[-1].specie.symbol == candidate.parameters["species"]
        assert candidate.free_mask[-1]
        assert candidate.parameters["face"] == "top"
        assert candidate.parameters["cell"] == "smallest"
        assert sum(candidate.free_mask) == 4 * 2 + 1
        assert len(candidate.structure) == 4 * len(slab.structure) + 1
        assert candidate.structure.lattice.c == slab.structure.lattice.c
        assert json.loads(json.dumps(candidate.parameters)) == candidate.parameters
    assert len({candidate.structure_id for candidate in candidates}) == 4


def test_refusals(cu):
    slab = cut_slab(cu, (1, 0, 0), min_thickness=9, vacuum=2)
    with pytest.raises(GenerationError, match="vacuum"):
        adatom_candidates(slab, ("Li",))
    with pytest.raises(GenerationError, match="'Xx' is no element"):
        adatom_candidates(slab, ("Xx",))
