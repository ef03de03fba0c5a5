from __future__ import annotations

import json

import numpy as np
import pytest

from generators.errors import GenerationError
from generators.interfaces import interface_candidate
from generators.lattice_match import MatchLimits
from generators.slabs import cut_slab

LIMITS = MatchLimits(area_tolerance=0.09, max_strain=0.09, max_atoms=200)


@pytest.fixture(scope="module", params=[(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 1)])
def pair(request, cu, li):
    return (
        cut_slab(cu, request.param, min_thickness=9, vacuum=3),
        cut_slab(li, request.param, min_thickness=9, vacuum=3),
    )


@pytest.mark.parametrize("vacuum", [0.0, 12.0])
def test_geometry(pair, vacuum):
    substrate, film = pair
    candidate = interface_candidate(substrate, film, LIMITS, gap=2.7, vacuum=vacuum)
    structure, parameters = candidate.structure, candidate.parameters
    symbols = np.array([site.specie.symbol for site in structure])
    z = structure.cart_coords[:, 2]
    copper, lithium = z[symbols == "Cu"], z[symbols == "Li"]
    assert lithium.min() - copper.max() == pytest.approx(2.7)
    above = structure.lattice.c - (lithium.max() - copper.min())
    assert above == pytest.approx(vacuum or 2.7)
    assert np.ptp(copper) == pytest.approx(substrate.thickness)
    assert np.ptp(lithium) == pytest.approx(film.thickness)
    assert copper.min() > 0
    assert lithium.max() < structure.lattice.c

    a, b, c = structure.lattice.matrix
    area = np.linalg.norm(np.cross(a, b))
    assert a[1] == a[2] == b[2] == c[0] == c[1] == 0
    assert area == pytest.approx(parameters["area"], abs=1e-4)
    # Numbers of atoms per area are the slabs', the film's up to its strain.
    assert len(copper) == pytest.approx(area / substrate.area * len(substrate.structure))
    mismatch = len(lithium) / len(film.structure) * film.area / area - 1
    assert abs(mismatch) == pytest.approx(parameters["area_mismatch"], abs=1e-5)
    assert abs(mismatch) <= LIMITS.area_tolerance
    assert parameters["n_atoms"] == len(structure) <= LIMITS.max_atoms
    assert max(map(abs, parameters["principal_strains"])) <= LIMITS.max_strain


def test_sides_are_still_crystals(pair):
    """Inside, copper keeps its bonds; lithium's are stretched between the principal strains."""
    substrate, film = pair
    candidate = interface_candidate(substrate, film, LIMITS, gap=3.0)
    structure = candidate.structure
    low, high = candidate.parameters["principal_strains"]
    bonds = {"Cu": 3.575 / np.sqrt(2), "Li": 3.456 * np.sqrt(3) / 2}
    shell = {"Cu": 12, "Li": 8}
    for side in ("Cu", "Li"):
        z = structure.cart_coords[:, 2]
        atoms = [i for i, site in enumerate(structure) if site.specie.symbol == side]
        middle = min(atoms, key=lambda i: abs(z[i] - z[atoms].mean()))
        found = np.sort([n.nn_distance for n in structure.get_neighbors(structure[middle], 6.0)])
        found = found[: shell[side]] / bonds[side]
        if side == "Cu":
            assert found == pytest.approx(1)
        else:
            assert min(low, 0) - 1e-6 <= found.min() - 1
            assert found.max() - 1 <= max(high, 0) + 1e-6
    distances = structure.distance_matrix + 1e3 * np.eye(len(structure))
    assert distances.min() > 0.7 * bonds["Cu"]


def test_film_stands_on_top_of_the_substrate(pair):
    substrate, film = pair
    structure = interface_candidate(substrate, film, LIMITS, gap=3.0).structure
    copper = [site for site in structure if site.specie.symbol == "Cu"]
    lithium = [site for site in structure if site.specie.symbol == "Li"]
    top, bottom = max(s.z for s in copper), min(s.z for s in lithium)
    facing = [
        upper.distance(lower)
        for upper in lithium
        for lower in copper
        if upper.z < bottom + 1e-6 and lower.z > top - 1e-6
    ]
    assert min(facing) == pytest.approx(3.0)


def test_free_layers_of_each_side(cu, li):
    for free_layers in (0, 1, 2):
        substrate = cut_slab(cu, (1, 0, 0), min_thickness=12, vacuum=3, free_layers=free_layers)
        film = cut_slab(li, (1, 0, 0), min_thickness=12, vacuum=3, free_layers=free_layers)
        candidate = interface_candidate(substrate, film, LIMITS)
        z = candidate.structure.cart_coords[:, 2]
        for symbol in ("Cu", "Li"):
            side = np.array([site.specie.symbol == symbol for site in candidate.structure])
            planes = np.unique(np.round(z[side], 4))
            outer = {*planes[:free_layers], *planes[len(planes) - free_layers :]}
            expected = [round(height, 4) in outer for height in z[side]]
            assert np.array(candidate.free_mask)[side].tolist() == expected


def test_provenance(pair):
    substrate, film = pair
    candidate = interface_candidate(substrate, film, LIMITS, gap=3.0)
    assert candidate.family == "interface"
    assert candidate.parent_id == ""
    assert candidate.miller_index == substrate.miller_index
    parameters = json.loads(json.dumps(candidate.parameters))
    assert parameters == candidate.parameters
    assert parameters["substrate"]["crystal"] == "Cu"
    assert parameters["film"]["crystal"] == "Li"
    sides = parameters["substrate"]["n_atoms"] + parameters["film"]["n_atoms"]
    assert sides == parameters["n_atoms"]
    again = interface_candidate(substrate, film, LIMITS, gap=3.0)
    assert again.structure_id == candidate.structure_id


def test_different_planes_and_roles(cu, li):
    substrate = cut_slab(li, (1, 1, 0), min_thickness=8, vacuum=3)
    film = cut_slab(cu, (1, 1, 1), min_thickness=8, vacuum=3)
    candidate = interface_candidate(substrate, film, MatchLimits(0.09, 0.09, 300))
    assert candidate.miller_index == (1, 1, 0)
    assert candidate.parameters["film"]["miller_index"] == [1, 1, 1]
    assert len(candidate.structure) <= 300


def test_same_crystal_continues_without_strain(cu):
    slab = cut_slab(cu, (1, 1, 1), min_thickness=8, vacuum=3)
    candidate = interface_candidate(slab, slab, LIMITS, gap=3.0)
    assert len(candidate.structure) == 2 * len(slab.structure)
    assert candidate.parameters["von_mises_strain"] == 0


def test_refusal(cu, li):
    substrate = cut_slab(cu, (1, 0, 0), min_thickness=9, vacuum=3)
    film = cut_slab(li, (1, 0, 0), min_thickness=9, vacuum=3)
    with pytest.raises(GenerationError, match="at most 12 atoms") as error:
        interface_candidate(substrate, film, MatchLimits(0.09, 0.09, 12))
    assert "`max_atoms` ≥ 21" in error.value.remedy
