"""A slab's displacements, carried over to what is built from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Structure

from generators.candidate import Candidate
from generators.catalogue import build_catalogue
from generators.crystals import prototype_structure
from generators.families.interfaces.lattice_match import MatchLimits
from generators.settings import CrystalSettings
from generators.slab import Slab, slab_terminations
from generators.structures_settings import StructuresSettings
from tests.candidates import adatom_candidates, cut_slab, interface_candidates, vacancy_candidates

LIMITS = MatchLimits(area_tolerance=0.09, max_strain=0.09, max_atoms=200)
PLANES = [(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 1), (3, 1, 1)]


def displaced(slab: Slab, seed: int) -> tuple[Slab, np.ndarray]:
    """The slab with every atom displaced at random, and the displacements."""
    field = np.random.default_rng(seed).normal(scale=0.05, size=(len(slab.structure), 3))
    structure = Structure(
        slab.structure.lattice,
        slab.structure.species,
        slab.structure.cart_coords + field,
        coords_are_cartesian=True,
    )
    return replace(slab, structure=structure), field


def moved(candidate: Candidate, fields: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([o.displacements(fields[o.parent_id]) for o in candidate.parent_mapping])


def nearest_atoms(slab: Slab, positions: np.ndarray) -> np.ndarray:
    """The slab's atoms that positions lie on, up to the lattice; -1 where there is none."""
    lattice = slab.structure.lattice
    distances = lattice.get_all_distances(
        lattice.get_fractional_coords(positions), slab.structure.frac_coords
    )
    return np.where(distances.min(axis=1) < 1e-6, distances.argmin(axis=1), -1)


def turns(slab: Slab, candidate: Candidate) -> Iterator[np.ndarray]:
    """Rotations about the normal that lay the candidate's cell on the slab's lattice."""
    lattice, cell = slab.structure.lattice, candidate.structure.lattice.matrix
    points = np.array(list(np.ndindex(41, 41, 1))) - [20, 20, 0]
    for vector in points @ lattice.matrix:
        if abs(np.linalg.norm(vector) - cell[0, 0]) < 1e-6:
            cos, sin = vector[:2] / cell[0, 0]
            turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
            b = lattice.get_fractional_coords(cell[1] @ turn)
            if np.abs(b - np.rint(b)).max() < 1e-6:
                yield turn


@settings(max_examples=25, deadline=None)
@given(
    data=st.data(),
    crystal=st.sampled_from(["Cu", "Li"]),
    plane=st.sampled_from(PLANES),
    supercell=st.sampled_from([(1, 1), (2, 2), (1, 3), (2, 1)]),
    cell=st.sampled_from(["smallest", "pymatgen"]),
)
def test_atoms_move_as_the_slab_atom_they_lie_on(crystals, data, crystal, plane, supercell, cell):
    slab = cut_slab(crystals[crystal], plane, min_thickness=5, vacuum=5)
    _, field = displaced(slab, data.draw(st.integers(0, 1000)))
    for vacancy in vacancy_candidates(slab, supercell, cell=cell):
        moves = moved(vacancy, {slab.candidate.structure_id: field})
        # One of the rotations; on a face with rotation axes others lay it on the slab, too.
        laid = [
            (nearest_atoms(slab, vacancy.structure.cart_coords @ turn), turn)
            for turn in turns(slab, vacancy)
        ]
        assert any(
            (nearest >= 0).all() and np.allclose(moves @ turn, field[nearest])
            for nearest, turn in laid
        )


def test_adatom_keeps_its_height_above_the_atoms_it_stands_on(crystals):
    for name, plane in [
        ("Cu", (1, 0, 0)),
        ("Li", (2, 1, 1)),
        ("Cu2O", (1, 1, 1)),
        ("LiF", (1, 0, 0)),
    ]:
        slab = cut_slab(crystals[name], plane, min_thickness=5, vacuum=8)
        _, field = displaced(slab, 3)
        for adatom in adatom_candidates(slab, ["Li"], supercell=(2, 2), height=2.0):
            outward = 1 if adatom.parameters["face"] == "top" else -1
            z = adatom.structure.cart_coords[:, 2]
            carriers = adatom.parent_mapping[1].carriers
            assert np.abs(slab.heights[list(carriers)] - slab.heights[carriers[0]]).max() < 1e-3
            copies = np.flatnonzero(np.isin(adatom.parent_mapping[0].atoms, carriers))
            assert np.allclose(outward * (z[-1] - z[copies]), 2.0)
            beneath = adatom.structure.distance_matrix[-1, copies].min()
            assert beneath < 4.0  # the ball of the site is at most 3 Å wide
            moves = moved(adatom, {slab.candidate.structure_id: field})
            mean = field[list(carriers)].mean(axis=0)
            assert np.allclose(moves[-1], mean @ np.array(adatom.parent_mapping[1].transform))


def with_moves(candidate: Candidate, moves: np.ndarray) -> Structure:
    structure = candidate.structure
    return Structure(
        structure.lattice,
        structure.species,
        structure.cart_coords + moves,
        coords_are_cartesian=True,
    )


@pytest.mark.parametrize("strained", ["film", "substrate", "both"])
@pytest.mark.parametrize("planes", [((1, 1, 1), (1, 1, 0)), ((2, 1, 1), (2, 1, 1))])
def test_interface_of_relaxed_slabs_has_their_relaxed_sides(cu, li, planes, strained):
    """Difference vectors within a side are those of the interface made of displaced slabs."""
    slabs = [
        cut_slab(crystal, plane, min_thickness=4, vacuum=3)
        for crystal, plane in zip((cu, li), planes, strict=True)
    ]
    changed, fields = zip(*(displaced(slab, i) for i, slab in enumerate(slabs)), strict=True)
    [ideal] = interface_candidates(*slabs, LIMITS, strained=strained)
    [wanted] = interface_candidates(*changed, LIMITS, strained=strained)
    ids = [slab.candidate.structure_id for slab in slabs]
    assert [mapping.parent_id for mapping in ideal.parent_mapping] == ids
    start = with_moves(ideal, moved(ideal, dict(zip(ids, fields, strict=True))))
    assert_equal_sides(start, wanted.structure, ["Cu", "Li"])


def assert_equal_sides(start: Structure, wanted: Structure, symbols: list[str]) -> None:
    assert start.species == wanted.species
    for symbol in symbols:
        atoms = [i for i, site in enumerate(start) if site.specie.symbol == symbol]
        ours, theirs = (
            structure.cart_coords[atoms] - structure.cart_coords[atoms[0]]
            for structure in (start, wanted)
        )
        difference = np.linalg.solve(start.lattice.matrix.T, (ours - theirs).T).T
        difference[:, :2] -= np.rint(difference[:, :2])
        assert np.abs(difference @ start.lattice.matrix).max() < 1e-6


def test_film_turned_over(cu, zns):
    film = next(
        slab
        for slab in slab_terminations(zns, (1, 1, 1), min_thickness=4, vacuum=3)
        if not slab.cut.equal_faces
    )
    substrate = cut_slab(cu, (1, 1, 1), min_thickness=4, vacuum=3)
    changed, field = displaced(film, 1)
    limits = MatchLimits(area_tolerance=0.2, max_strain=0.2, max_atoms=300)
    [ideal] = interface_candidates(substrate, film, limits)
    [wanted] = interface_candidates(substrate, changed, limits)
    assert ideal.parameters["film"]["turned_over"]
    assert ideal.parent_mapping[1].parent_id == film.candidate.structure_id
    still = np.zeros((len(substrate.structure), 3))
    fields = {substrate.candidate.structure_id: still, film.candidate.structure_id: field}
    start = with_moves(ideal, moved(ideal, fields))
    # Zn and S together are the film: their difference vectors from one and the same atom.
    film_atoms = [i for i, site in enumerate(start) if site.specie.symbol != "Cu"]
    start.remove_sites([i for i in range(len(start)) if i not in film_atoms])
    other = wanted.structure.copy()
    other.remove_sites([i for i in range(len(other)) if i not in film_atoms])
    for structure in (start, other):
        structure.replace_species({"S": "Zn"})
    assert_equal_sides(start, other, ["Zn"])


@pytest.mark.parametrize("plane", [(1, 0, 0), (1, 1, 1), (2, 1, 1)])
def test_films_on_both_faces_are_images_of_each_other(cu, li, plane):
    substrate, film = (cut_slab(c, plane, min_thickness=4, vacuum=3) for c in (cu, li))
    [ideal] = interface_candidates(substrate, film, LIMITS, film_on="both", vacuum=8)
    _, field = displaced(film, 2)
    still = np.zeros((len(substrate.structure), 3))
    fields = {substrate.candidate.structure_id: still, film.candidate.structure_id: field}
    start = with_moves(ideal, moved(ideal, fields))
    assert [mapping.parent_id for mapping in ideal.parent_mapping[1:]] == [
        film.candidate.structure_id
    ] * 2
    first = len(ideal.parent_mapping[0].atoms)
    n = len(ideal.parent_mapping[1].atoms)
    upper = start.distance_matrix[first : first + n, first : first + n]
    lower = start.distance_matrix[first + n :, first + n :]
    assert np.allclose(upper, lower, atol=1e-6)
    z = start.cart_coords[:, 2]
    outward = z[first : first + n] - z[first]
    assert np.allclose(outward, z[first + n] - z[first + n :], atol=1e-6)


CRYSTALS = {
    "Cu": CrystalSettings(prototype="fcc", a=3.575),
    "Li": CrystalSettings(prototype="bcc", a=3.456),
}


def catalogue(**changes) -> list[Candidate]:
    cut = {"miller_indices": [(1, 0, 0)], "min_thickness": 6.0}
    sections = {
        "slabs": [{"crystal": "Cu", **cut}, {"crystal": "Li", **cut}],
        "interfaces": [
            {
                "substrate": "Cu",
                "film": "Li",
                "substrate_miller": (1, 0, 0),
                "film_miller": (1, 0, 0),
                "substrate_thickness": 6.0,
                "film_thickness": 6.0,
            }
        ],
    }
    crystals = {name: prototype_structure(name, crystal) for name, crystal in CRYSTALS.items()}
    content = StructuresSettings.model_validate(sections | changes)
    return build_catalogue(crystals, content).candidates


def test_interface_names_slabs_of_the_campaign_whatever_their_vacuum():
    copper, lithium, interface = catalogue()
    assert [o.parent_id for o in interface.parent_mapping] == [
        copper.structure_id,
        lithium.structure_id,
    ]


def test_a_thicker_slab_is_no_parent():
    slabs = [{"crystal": "Cu", "miller_indices": [(1, 0, 0)], "min_thickness": 9.0}]
    slab, interface = catalogue(slabs=slabs)
    assert slab.structure_id not in {mapping.parent_id for mapping in interface.parent_mapping}


def test_origins_are_no_part_of_the_id():
    built, ideal = catalogue(), catalogue(relaxed_parents=False)
    assert [c.structure_id for c in built] == [c.structure_id for c in ideal]
    assert all(candidate.parent_mapping == () for candidate in ideal)
