from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.data import covalent_radii
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from generators.candidate import Candidate
from generators.errors import GenerationError
from generators.families.interfaces.lattice_match import MatchLimits
from generators.families.interfaces.rigid_shifts import dsc_cell
from generators.slab import Slab, slab_terminations
from tests.candidates import cut_slab, interface_candidates

LIMITS = MatchLimits(area_tolerance=0.09, max_strain=0.09, max_atoms=200)
SAME = StructureMatcher(
    ltol=1e-3, stol=1e-3, angle_tol=0.05, primitive_cell=False, scale=False
)  # fmt: skip


@pytest.fixture(scope="module", params=[(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 1)])
def pair(request, cu, li):
    return (
        cut_slab(cu, request.param, min_thickness=9, vacuum=3),
        cut_slab(li, request.param, min_thickness=9, vacuum=3),
    )


@pytest.fixture(scope="module")
def thin_pair(cu, li):
    """Different planes, so that strains differ by direction and many shifts differ."""
    return (
        cut_slab(cu, (1, 1, 1), min_thickness=4, vacuum=3),
        cut_slab(li, (1, 1, 0), min_thickness=4, vacuum=3),
    )


def side(candidate: Candidate, symbol: str) -> np.ndarray:
    return np.array([site.specie.symbol == symbol for site in candidate.structure])


def unstrained(candidate: Candidate, slab: Slab, name: str, symbol: str) -> Structure:
    """A side alone, on its own supercell as if it had never been strained."""
    structure, matrix = candidate.structure, np.array(candidate.parameters[name]["supercell"])
    lattice = np.zeros((3, 3))
    lattice[:2, :2] = matrix @ slab.structure.lattice.matrix[:2, :2]
    lattice[2, 2] = structure.lattice.c
    atoms = np.flatnonzero(side(candidate, symbol))
    return Structure(
        Lattice(lattice), [symbol] * len(atoms), structure.frac_coords[atoms]
    )  # fmt: skip


@pytest.mark.parametrize("vacuum", [0.0, 12.0])
def test_geometry(pair, vacuum):
    substrate, film = pair
    [candidate] = interface_candidates(substrate, film, LIMITS, gaps=(2.7,), vacuum=vacuum)
    structure, parameters = candidate.structure, candidate.parameters
    z = structure.cart_coords[:, 2]
    copper, lithium = z[side(candidate, "Cu")], z[side(candidate, "Li")]
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
    [candidate] = interface_candidates(substrate, film, LIMITS)
    structure = candidate.structure
    low, high = candidate.parameters["principal_strains"]
    bonds = {"Cu": 3.575 / np.sqrt(2), "Li": 3.456 * np.sqrt(3) / 2}
    shell = {"Cu": 12, "Li": 8}
    z = structure.cart_coords[:, 2]
    for symbol in ("Cu", "Li"):
        atoms = np.flatnonzero(side(candidate, symbol))
        middle = min(atoms, key=lambda i: abs(z[i] - z[atoms].mean()))
        found = np.sort([n.nn_distance for n in structure.get_neighbors(structure[middle], 6.0)])
        found = found[: shell[symbol]] / bonds[symbol]
        if symbol == "Cu":
            assert found == pytest.approx(1)
        else:
            assert min(low, 0) - 1e-6 <= found.min() - 1
            assert found.max() - 1 <= max(high, 0) + 1e-6
    distances = structure.distance_matrix + 1e3 * np.eye(len(structure))
    assert distances.min() > 0.7 * bonds["Cu"]


@pytest.mark.parametrize("strained", ["film", "substrate", "both"])
def test_each_side_is_its_slab_up_to_the_strain_reported(thin_pair, strained):
    [candidate] = interface_candidates(*thin_pair, LIMITS, strained=strained, vacuum=9)
    carried = {}
    for slab, name, symbol in zip(thin_pair, ("substrate", "film"), ("Cu", "Li"), strict=True):
        alone = unstrained(candidate, slab, name, symbol)
        matrix = np.eye(3, dtype=int)
        matrix[:2, :2] = candidate.parameters[name]["supercell"]
        slab_alone = slab.structure * matrix
        heights = alone.cart_coords[:, 2] - alone.cart_coords[:, 2].min()
        expected = slab_alone.cart_coords[:, 2] - slab_alone.cart_coords[:, 2].min()
        assert np.sort(heights) == pytest.approx(np.sort(expected))
        cell = np.array(slab_alone.lattice.matrix)
        cell[2, 2] = alone.lattice.c
        moved = Structure(Lattice(cell), slab_alone.species, slab_alone.cart_coords,
                          coords_are_cartesian=True)  # fmt: skip
        assert SAME.fit(alone, moved)
        deformation = (
            np.linalg.inv(alone.lattice.matrix[:2, :2]) @ candidate.structure.lattice.matrix[:2, :2]
        )
        strains = np.linalg.svd(deformation, compute_uv=False)[::-1] - 1
        parameters = candidate.parameters[name]
        assert parameters["principal_strains"] == pytest.approx(strains, abs=2e-6)
        first, second = strains
        equivalent = 2 / 3 * np.sqrt(first**2 + second**2 - first * second)
        assert parameters["von_mises_strain"] == pytest.approx(equivalent, abs=2e-6)
        carried[name] = np.abs(strains).max()
    assert candidate.parameters["strained"] == strained
    for name in ("film", "substrate"):
        assert (carried[name] > 1e-3) == (strained in (name, "both"))
    top = "substrate" if strained == "substrate" else "film"
    assert (
        candidate.parameters["principal_strains"] == candidate.parameters[top]["principal_strains"]
    )


def test_both_sides_share_the_strain(thin_pair):
    """Half of the film's each; opposite in sign."""
    alone, shared = (
        interface_candidates(*thin_pair, LIMITS, strained=strained)[0].parameters
        for strained in ("film", "both")
    )
    film = np.array(alone["film"]["principal_strains"])
    assert np.array(shared["film"]["principal_strains"]) == pytest.approx(film / 2, abs=2e-6)
    inverse = np.sort((1 / (1 + film) - 1) / 2)
    assert shared["substrate"]["principal_strains"] == pytest.approx(inverse, abs=2e-6)


@pytest.mark.parametrize("max_strain", [0.09, 0.02])
def test_limits_hold_for_the_side_that_is_strained(cu, li, max_strain):
    limits = MatchLimits(area_tolerance=0.04, max_strain=max_strain, max_atoms=500)
    slabs = [cut_slab(crystal, (1, 1, 0), min_thickness=3, vacuum=3) for crystal in (cu, li)]
    for strained in ("film", "substrate"):
        parameters = interface_candidates(*slabs, limits, strained=strained)[0].parameters
        assert max(map(abs, parameters[strained]["principal_strains"])) <= max_strain
        areas = {
            name: slab.area * abs(np.linalg.det(parameters[name]["supercell"]))
            for name, slab in zip(("substrate", "film"), slabs, strict=True)
        }
        other = "substrate" if strained == "film" else "film"
        assert parameters["area"] == pytest.approx(areas[other], rel=1e-6)
        assert abs(areas[strained] / areas[other] - 1) <= limits.area_tolerance


def test_film_stands_on_top_of_the_substrate(pair):
    [candidate] = interface_candidates(*pair, LIMITS, gaps=(3.0,))
    copper = [site for site in candidate.structure if site.specie.symbol == "Cu"]
    lithium = [site for site in candidate.structure if site.specie.symbol == "Li"]
    top, bottom = max(s.z for s in copper), min(s.z for s in lithium)
    facing = [
        upper.distance(lower)
        for upper in lithium
        for lower in copper
        if upper.z < bottom + 1e-6 and lower.z > top - 1e-6
    ]
    assert min(facing) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (("Cu", "Li"), {}),
        (("Cu", "Li"), {"vacuum": 9, "registries": (2, 2)}),
        (("Cu", "LiF"), {"vacuum": 9}),
        (("LiF", "Cu"), {}),
        (("ZnS", "ZnS"), {"vacuum": 9, "film_on": "both"}),
    ],
)
def test_without_gaps_the_slabs_touch(crystals, names, options):
    substrate, film = (cut_slab(crystals[name], (1, 1, 1), min_thickness=5, vacuum=3)
                       for name in names)  # fmt: skip
    limits = MatchLimits(0.3, 0.2, 400)
    for candidate in interface_candidates(substrate, film, limits, **options):
        closest = min(
            structure[i].distance(structure[j], image)
            / (covalent_radii[structure[i].specie.Z] + covalent_radii[structure[j].specie.Z])
            for structure, i, j, image in _facing_pairs(candidate)
        )
        assert closest == pytest.approx(0.95, abs=0.003)  # gaps are rounded to 0.01 Å


def _facing_pairs(candidate):
    """Pairs of neighbours of which one is the substrate's, the other a film's."""
    structure = candidate.structure
    below = candidate.parameters["substrate"]["n_atoms"]
    centers, points, images, _ = structure.get_neighbor_list(5.0)
    for i, j, image in zip(centers, points, images, strict=True):
        if (i < below) != (j < below):
            yield structure, int(i), int(j), image


def test_default_gaps_follow_elements_and_registry(cu, li):
    copper, lithium = (
        cut_slab(crystal, (1, 0, 0), min_thickness=5, vacuum=3) for crystal in (cu, li)
    )
    on_top, *others = interface_candidates(copper, lithium, LIMITS, registries=(2, 2))
    # An atom over an atom: their contact.
    contact = 0.95 * (covalent_radii[29] + covalent_radii[3])
    assert on_top.parameters["gap"] == pytest.approx(contact, abs=0.006)
    assert min(other.parameters["gap"] for other in others) < contact - 0.1
    assert len({candidate.structure_id for candidate in (on_top, *others)}) == 4


def shifted(candidate: Candidate, vector: np.ndarray) -> Structure:
    """The candidate with its film moved in the plane by a Cartesian vector."""
    structure = candidate.structure.copy()
    film = np.flatnonzero(side(candidate, "Li")).tolist()
    structure.translate_sites(film, [*vector, 0.0], frac_coords=False)
    return structure


def test_shifts_over_a_whole_cell_of_shifts_change_nothing(thin_pair):
    [candidate] = interface_candidates(*thin_pair, LIMITS, vacuum=8)
    vectors = candidate.structure.lattice.matrix[:2, :2]
    supercells = (np.array(candidate.parameters[s]["supercell"]) for s in ("substrate", "film"))
    cell = dsc_cell(*supercells, vectors) @ vectors
    for vector in cell:
        assert SAME.fit(candidate.structure, shifted(candidate, vector))
    for part in (0.5, 0.3):
        assert not SAME.fit(candidate.structure, shifted(candidate, part * cell[0]))


def test_gaps_and_registries(thin_pair):
    candidates = interface_candidates(
        *thin_pair, LIMITS, gaps=(2.5, 3), registries=(2, 3), vacuum=8
    )
    assert len(candidates) == 12
    assert len({candidate.structure_id for candidate in candidates}) == 12
    places = [(c.parameters["gap"], *c.parameters["registry"]) for c in candidates]
    assert places == [
        (gap, pytest.approx(i / 2, abs=1e-6), pytest.approx(j / 3, abs=1e-6))
        for gap in (2.5, 3)
        for i in range(2)
        for j in range(3)
    ]
    first = candidates[0]
    for candidate in candidates[:6]:
        expected = shifted(first, np.array(candidate.parameters["registry_shift"]))
        assert SAME.fit(candidate.structure, expected)
        assert not SAME.fit(candidate.structure, first.structure) or candidate is first
    for gap, candidate in ((2.5, first), (3, candidates[6])):
        z = candidate.structure.cart_coords[:, 2]
        assert z[side(candidate, "Li")].min() - z[side(candidate, "Cu")].max() == pytest.approx(gap)


@pytest.mark.parametrize("strained", ["film", "both"])
@pytest.mark.parametrize(
    ("name", "miller_index", "equal"),
    [
        ("Cu", (1, 1, 1), True),
        ("Cu", (2, 1, 0), True),
        ("Mg", (0, 0, 1), True),
        ("Mg", (1, 0, 0), True),
        ("ZnS", (1, 1, 0), True),
        ("ZnS", (1, 1, 1), False),
    ],
)
def test_films_on_both_faces(crystals, li, name, miller_index, equal, strained):
    substrate = cut_slab(crystals[name], miller_index, min_thickness=5, vacuum=3)
    film = cut_slab(li, (1, 1, 0), min_thickness=4, vacuum=3)
    limits = MatchLimits(area_tolerance=0.09, max_strain=0.09, max_atoms=400)
    candidate = interface_candidates(
        substrate, film, limits, gaps=(2.8,), registries=(3, 3), strained=strained,
        film_on="both", vacuum=11.0,
    )[5]  # fmt: skip
    structure, parameters = candidate.structure, candidate.parameters
    z, lithium = structure.cart_coords[:, 2], side(candidate, "Li")
    substrate_z = z[~lithium]
    lower, upper = z[lithium & (z < substrate_z.min())], z[lithium & (z > substrate_z.max())]
    assert len(lower) == len(upper)
    assert len(lower) + len(upper) == lithium.sum() == parameters["film"]["n_atoms"]
    assert upper.min() - substrate_z.max() == pytest.approx(2.8)
    assert substrate_z.min() - lower.max() == pytest.approx(2.8)
    assert structure.lattice.c - (upper.max() - lower.min()) == pytest.approx(11.0)
    assert np.ptp(lower) == pytest.approx(film.thickness)
    assert 0 < lower.min() < upper.max() < structure.lattice.c
    assert len(structure) == parameters["n_atoms"] <= 400

    # Both films are the same crystal.
    distances = structure.distance_matrix + 1e3 * np.eye(len(structure))
    for film_atoms in (lithium & (z < substrate_z.min()), lithium & (z > substrate_z.max())):
        nearest = np.sort(distances[np.ix_(film_atoms, film_atoms)].min(axis=0))
        upper_atoms = lithium & (z > substrate_z.max())
        expected = np.sort(distances[np.ix_(upper_atoms, upper_atoms)].min(axis=0))
        assert nearest == pytest.approx(expected, abs=1e-6)
    free = np.array(candidate.free_mask)
    assert free.sum() == sum(
        np.sum(slab.free_mask) * parameters[key]["n_atoms"] / len(slab.structure)
        for slab, key in ((substrate, "substrate"), (film, "film"))
    )

    assert parameters["equal_interfaces"] is equal
    uppermost, lowermost = structure.copy(), structure.copy()
    uppermost.remove_sites(np.flatnonzero(lithium & (z < substrate_z.min())))
    lowermost.remove_sites(np.flatnonzero(lithium & (z > substrate_z.max())))
    assert bool(SAME.fit(uppermost, lowermost)) is equal
    operations = SpacegroupAnalyzer(structure, 1e-3).get_symmetry_operations()
    inversions = [o for o in operations if np.allclose(o.rotation_matrix, -np.eye(3))]
    assert bool(inversions) is substrate.cut.inversion_symmetric


@pytest.mark.parametrize("min_thickness", [3.0, 6.0, 9.0])
def test_mirrored_film_stands_on_the_lowest_plane(zns, li, min_thickness):
    substrate = cut_slab(zns, (1, 1, 1), min_thickness=min_thickness, vacuum=3)
    film = cut_slab(li, (1, 1, 0), min_thickness=4, vacuum=3)
    [candidate] = interface_candidates(
        substrate, film, MatchLimits(0.09, 0.09, 400), gaps=(2.0,), film_on="both", vacuum=11.0
    )
    lithium = side(candidate, "Li")
    between = candidate.structure.distance_matrix[np.ix_(lithium, ~lithium)]
    z = candidate.structure.cart_coords[:, 2]
    lower = z[lithium] < z[~lithium].min()
    for film_atoms in (lower, ~lower):
        assert between[film_atoms].min() == pytest.approx(2.0)


def test_films_on_both_faces_count_twice(thin_pair):
    [one] = interface_candidates(*thin_pair, LIMITS, vacuum=9)
    just_enough = replace(LIMITS, max_atoms=len(one.structure))
    assert interface_candidates(*thin_pair, just_enough, vacuum=9)
    with pytest.raises(GenerationError, match="no coherent interface"):
        interface_candidates(*thin_pair, just_enough, film_on="both", vacuum=9)


def test_films_on_both_faces_need_vacuum(thin_pair):
    with pytest.raises(ValueError, match="needs `vacuum`"):
        interface_candidates(*thin_pair, LIMITS, film_on="both")


def test_free_layers_of_each_side(cu, li):
    for free_layers in (0, 1, 2):
        substrate = cut_slab(cu, (1, 0, 0), min_thickness=12, vacuum=3, free_layers=free_layers)
        film = cut_slab(li, (1, 0, 0), min_thickness=12, vacuum=3, free_layers=free_layers)
        [candidate] = interface_candidates(substrate, film, LIMITS)
        z = candidate.structure.cart_coords[:, 2]
        for symbol in ("Cu", "Li"):
            atoms = side(candidate, symbol)
            planes = np.unique(np.round(z[atoms], 4))
            outer = {*planes[:free_layers], *planes[len(planes) - free_layers :]}
            expected = [round(height, 4) in outer for height in z[atoms]]
            assert np.array(candidate.free_mask)[atoms].tolist() == expected


def test_provenance(pair):
    substrate, film = pair
    [candidate] = interface_candidates(substrate, film, LIMITS)
    assert candidate.family == "interface"
    assert candidate.parent_id == ""
    assert candidate.miller_index == substrate.miller_index
    parameters = json.loads(json.dumps(candidate.parameters))
    assert parameters == candidate.parameters
    assert parameters["substrate"]["crystal"] == "Cu"
    assert parameters["film"]["crystal"] == "Li"
    sides = parameters["substrate"]["n_atoms"] + parameters["film"]["n_atoms"]
    assert sides == parameters["n_atoms"]
    gap = candidate.parameters["gap"]
    [again] = interface_candidates(substrate, film, LIMITS, gaps=(gap,))
    assert again.structure_id == candidate.structure_id


def test_terminations_are_told(lif, cu):
    substrate = cut_slab(cu, (1, 1, 1), min_thickness=4, vacuum=3)
    film = cut_slab(lif, (1, 1, 1), min_thickness=4, vacuum=3)
    [candidate] = interface_candidates(substrate, film, LIMITS)
    assert candidate.parameters["substrate"]["termination"] == substrate.termination
    assert candidate.parameters["film"]["termination"] == film.termination


def test_faces_that_meet_are_those_of_the_terminations(zns, cu):
    """Of two slabs of the polar face, each shows copper the face by which it is known."""
    substrate = cut_slab(cu, (1, 1, 1), min_thickness=4, vacuum=3)
    slabs = slab_terminations(zns, (1, 1, 1), min_thickness=4, vacuum=3)
    assert len(slabs) > 1
    for slab in slabs:
        for below, above in ((substrate, slab), (slab, substrate)):
            [candidate] = interface_candidates(below, above, MatchLimits(0.09, 0.09, 400), vacuum=9)
            z = candidate.structure.cart_coords[:, 2]
            copper = side(candidate, "Cu")
            facing = z[~copper].min() if above is slab else z[~copper].max()
            [symbol] = {
                site.specie.symbol
                for site, metal in zip(candidate.structure, copper, strict=True)
                if not metal and abs(site.z - facing) < 1e-6
            }
            assert symbol == slab.structure[-1].specie.symbol
            role = "film" if above is slab else "substrate"
            assert candidate.parameters[role]["termination"] == slab.termination
            assert candidate.parameters["film"]["turned_over"] is (above is slab)


def test_different_planes_and_roles(cu, li):
    substrate = cut_slab(li, (1, 1, 0), min_thickness=8, vacuum=3)
    film = cut_slab(cu, (1, 1, 1), min_thickness=8, vacuum=3)
    [candidate] = interface_candidates(substrate, film, MatchLimits(0.09, 0.09, 300))
    assert candidate.miller_index == (1, 1, 0)
    assert candidate.parameters["film"]["miller_index"] == [1, 1, 1]
    assert len(candidate.structure) <= 300


@pytest.mark.parametrize("strained", ["film", "substrate", "both"])
def test_same_crystal_continues_without_strain(cu, strained):
    slab = cut_slab(cu, (1, 1, 1), min_thickness=8, vacuum=3)
    [candidate] = interface_candidates(slab, slab, LIMITS, strained=strained)
    assert len(candidate.structure) == 2 * len(slab.structure)
    for name in ("substrate", "film"):
        assert candidate.parameters[name]["von_mises_strain"] == 0
        assert candidate.parameters[name]["principal_strains"] == [0, 0]


def test_refusal(cu, li):
    substrate = cut_slab(cu, (1, 0, 0), min_thickness=9, vacuum=3)
    film = cut_slab(li, (1, 0, 0), min_thickness=9, vacuum=3)
    with pytest.raises(GenerationError, match="at most 12 atoms") as error:
        interface_candidates(substrate, film, MatchLimits(0.09, 0.09, 12))
    assert "`max_atoms` ≥ 21" in error.value.remedy
