from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from pymatgen.analysis.adsorption import AdsorbateSiteFinder
from pymatgen.core import Lattice, Structure
from pymatgen.core.surface import Slab as PymatgenSlab

from generators.crystals import standard_crystal
from generators.families.adatoms.surface_sites import surface_sites
from tests.candidates import cut_slab

# Numbers of distinct sites known from surface science: on-top, bridge, hollow. fcc (110) has a
# short and a long bridge, bcc (110) too; the hollows of fcc (111) are fcc and hcp.
TEXTBOOK = [
    ("Cu", (1, 1, 1), (1, 1, 2)),
    ("Cu", (1, 0, 0), (1, 1, 1)),
    ("Cu", (1, 1, 0), (1, 2, 1)),
    ("Li", (1, 1, 0), (1, 2, 1)),
    ("Li", (1, 0, 0), (1, 1, 1)),
    ("Mg", (0, 0, 1), (1, 1, 2)),
    ("LiF", (1, 0, 0), (2, 1, 1)),
    # Open crystals: between the atoms of a plane there is more room than a bond is long.
    ("C", (1, 0, 0), (1, 2, 1)),
    ("ZnS", (1, 0, 0), (1, 2, 1)),
]


@pytest.mark.parametrize(("name", "hkl", "numbers"), TEXTBOOK)
def test_textbook_sites(crystals, name, hkl, numbers):
    sites = surface_sites(cut_slab(crystals[name], hkl, min_thickness=9, vacuum=8))
    counts = Counter(site.kind for site in sites)
    assert (counts["on_top"], counts["bridge"], counts["hollow"]) == numbers


@pytest.mark.parametrize(
    ("name", "hkl"), [("Cu", (1, 1, 1)), ("Cu", (1, 0, 0)), ("Li", (1, 0, 0)), ("Mg", (0, 0, 1))]
)
def test_sites_agree_with_pymatgen(crystals, name, hkl):
    slab = cut_slab(crystals[name], hkl, min_thickness=9, vacuum=8)
    structure = slab.structure
    theirs = AdsorbateSiteFinder(
        PymatgenSlab(structure.lattice, structure.species, structure.frac_coords, hkl,
                     crystals[name].conventional, 0, np.eye(3))
    ).find_adsorption_sites(distance=0)  # fmt: skip
    ours = surface_sites(slab)

    def same(site, position) -> bool:
        # The same place up to the slab's symmetry: same distances to the atoms around.
        here = environment(structure, cartesian(slab, site))
        return np.allclose(here, environment(structure, position), atol=1e-3)

    assert len(ours) == len(theirs["all"])
    for site in ours:
        # pymatgen takes the hollow of (100) for the bridge of the square's diagonal.
        kinds = {"on_top": ["ontop"], "bridge": ["bridge"], "hollow": ["hollow", "bridge"]}
        assert any(same(site, p) for kind in kinds[site.kind] for p in theirs[kind])
    for position in theirs["all"]:
        assert sum(same(site, position) for site in ours) == 1


def cartesian(slab, site) -> np.ndarray:
    in_plane = site.fractions @ slab.structure.lattice.matrix[:2, :2]
    return np.array([*in_plane, slab.vacuum + slab.thickness - site.depth])


def environment(structure, position) -> np.ndarray:
    neighbours = structure.get_sites_in_sphere(position, 6.0)
    return np.sort([neighbour.nn_distance for neighbour in neighbours])[:12]


def test_hollows_of_fcc_111_are_over_the_second_and_the_third_plane(cu):
    slab = cut_slab(cu, (1, 1, 1), min_thickness=9, vacuum=8)
    structure = slab.structure
    planes_down = set()
    for site in surface_sites(slab):
        if site.kind == "hollow":
            x, y, _ = cartesian(slab, site)
            column = structure.get_sites_in_sphere([x, y, structure.lattice.c / 2], 12.0)
            under = [n.coords[2] for n in column if np.hypot(*(n.coords[:2] - [x, y])) < 1e-3]
            inside = [z for z in under if z < structure.lattice.c - slab.vacuum + 1e-3]
            top = structure.cart_coords[:, 2].max()
            planes_down.add(round((top - max(inside)) / (3.575 / np.sqrt(3))))
    assert planes_down == {1, 2}  # hcp and fcc hollow


def test_the_steps_of_mg_10_10_have_their_own_sites(mg):
    """Mg (10-10): rows of atoms 0.92 Å apart in height; both rows, and the trough between them."""
    slab = cut_slab(mg, (1, 0, 0), min_thickness=9, vacuum=8)
    sites = surface_sites(slab)
    step = mg.conventional.lattice.a / np.sqrt(12)
    tops = [site.depth for site in sites if site.kind == "on_top"]
    assert tops == pytest.approx([0, step], abs=1e-6)
    # The trough runs along a, midway between two rows: the hollow that four atoms surround.
    (hollow,) = (site for site in sites if site.touched == 4)
    x, y, z = cartesian(slab, hollow)
    near = environment(slab.structure, [x, y, z + 2.0])
    assert near[0] == pytest.approx(near[1])
    assert near[2] == pytest.approx(near[3])


def test_no_site_of_a_perovskite_lies_inside():
    """The bond Ti-O is short for the plane of Sr and O, whose atoms a ball must not pass."""
    structure = Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(3.905), ["Sr", "Ti", "O"],
        [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)],
    )  # fmt: skip
    slab = cut_slab(standard_crystal("SrTiO3", structure), (1, 0, 0), min_thickness=9, vacuum=8)
    sites = surface_sites(slab)
    assert [site.kind for site in sites] == ["on_top", "on_top", "bridge", "hollow"]
    assert [site.depth for site in sites] == pytest.approx([0] * 4, abs=1e-9)


@pytest.mark.parametrize("hkl", [(1, 1, 1), (2, 1, 1), (3, 1, 1)])
def test_bottom_face_is_the_top_face_of_the_slab_turned_over(zns, hkl):
    """ZnS (hkl) and (-h-k-l) are the two ends of one slab."""
    slab = cut_slab(zns, hkl, min_thickness=12, vacuum=8)
    assert not slab.cut.equal_faces
    flipped = slab.structure.copy()
    # A mirror through the middle plane turns the slab over and keeps its in-plane cell.
    mirrored = Structure(flipped.lattice, flipped.species[::-1],
                         (flipped.frac_coords * [1, 1, -1] + [0, 0, 1])[::-1])  # fmt: skip
    turned = replace(slab, structure=mirrored, basis=slab.basis[::-1])
    top, bottom = surface_sites(turned), surface_sites(slab, "bottom")
    assert [(s.kind, s.touched) for s in top] == [(s.kind, s.touched) for s in bottom]
    for one, other in zip(top, bottom, strict=True):
        assert one.depth == pytest.approx(other.depth)
        assert one.fractions == pytest.approx(other.fractions, abs=1e-5)
    assert [s.kind for s in bottom] != []


@pytest.mark.parametrize("hkl", [(2, 1, 0), (2, 1, 1), (3, 1, 1), (3, 3, 1), (3, 2, 1)])
@pytest.mark.parametrize("name", ["Cu", "Li"])
def test_a_ball_rests_on_every_site(crystals, name, hkl):
    """On stepped faces too, a ball above the site touches as many atoms as it says."""
    slab = cut_slab(crystals[name], hkl, min_thickness=12, vacuum=8)
    radius = crystals[name].bond_length
    supercell = slab.structure * (7, 7, 1)
    atoms = supercell.cart_coords
    middle = 3 * slab.structure.lattice.matrix[:2].sum(axis=0)
    sites = surface_sites(slab)
    for site in sites:
        place = cartesian(slab, site) + middle
        lateral = np.linalg.norm(atoms[:, :2] - place[:2], axis=1)
        near = lateral < 1.0001 * radius
        half = np.sqrt(np.maximum(radius**2 - lateral[near] ** 2, 0))
        contacts = []
        for z in np.concatenate([atoms[near, 2] + half, atoms[near, 2] - half]):
            distances = np.linalg.norm(atoms - [*place[:2], z], axis=1)
            if distances.min() > 0.98 * radius and z > slab.structure.lattice.c / 2:
                contacts.append(np.count_nonzero(distances < 1.02 * radius))
        assert site.touched in contacts
        assert -1e-9 <= site.depth <= slab.layer_depth
    assert len({(s.kind, *np.round(s.fractions, 4)) for s in sites}) == len(sites)


@pytest.mark.parametrize(
    ("name", "hkl"),
    [("Cu2O", (1, 1, 1)), ("Cu2O", (1, 0, 0)), ("LiF", (2, 1, 0)), ("C", (1, 1, 1))],
)
def test_on_top_is_over_an_atom(crystals, name, hkl):
    slab = cut_slab(crystals[name], hkl, min_thickness=9, vacuum=8)
    atoms = slab.structure
    below = []
    for site in surface_sites(slab):
        place = cartesian(slab, site)
        near = atoms.get_sites_in_sphere(place, 0.01)
        assert len(near) == (site.kind == "on_top")
        below += [neighbour.specie.symbol for neighbour in near]
    # Every element of the outermost plane is one to sit on.
    outermost = {
        atoms[int(i)].specie.symbol for i in np.flatnonzero(slab.heights > slab.thickness - 0.01)
    }
    assert outermost <= set(below)


@pytest.mark.parametrize("name", ["Cu", "Mg", "LiF"])
def test_sites_move_with_the_slab(crystals, name):
    """Another origin in the plane changes nothing but where the sites are counted from."""
    slab = cut_slab(crystals[name], (2, 1, 0), min_thickness=9, vacuum=8)
    shift = np.array([0.37, -0.18, 0])
    structure = slab.structure
    shifted = Structure(structure.lattice, structure.species, structure.frac_coords + shift)
    moved = replace(slab, structure=shifted)
    sites, again = surface_sites(slab), surface_sites(moved)
    first, second = (Counter((s.kind, s.touched, round(s.depth, 4)) for s in found)
                     for found in (sites, again))  # fmt: skip
    assert first == second
    one = [environment(structure, cartesian(slab, site)) for site in sites]
    other = [environment(shifted, cartesian(moved, site)) for site in again]
    for place in one:
        assert any(np.allclose(place, there, atol=1e-4) for there in other)
    for place in other:
        assert any(np.allclose(place, there, atol=1e-4) for there in one)


def test_sites_do_not_hang_on_the_thickness(cu):
    thin = surface_sites(cut_slab(cu, (2, 1, 1), min_thickness=10, vacuum=8))
    thick = surface_sites(cut_slab(cu, (2, 1, 1), min_thickness=30, vacuum=15))
    assert [(s.kind, s.touched) for s in thin] == [(s.kind, s.touched) for s in thick]
