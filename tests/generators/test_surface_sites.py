from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from pymatgen.analysis.adsorption import AdsorbateSiteFinder
from pymatgen.core.surface import Slab as PymatgenSlab

from generators.slabs import cut_slab
from generators.surface_sites import surface_sites

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
    return np.array([*in_plane, slab.vacuum + site.surface_height])


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
        assert 0 <= slab.thickness - site.surface_height <= slab.layer_depth
    assert len({(s.kind, *np.round(s.fractions, 4)) for s in sites}) == len(sites)


def test_sites_do_not_hang_on_the_thickness(cu):
    thin = surface_sites(cut_slab(cu, (2, 1, 1), min_thickness=10, vacuum=8))
    thick = surface_sites(cut_slab(cu, (2, 1, 1), min_thickness=30, vacuum=15))
    assert [(s.kind, s.touched) for s in thin] == [(s.kind, s.touched) for s in thick]
