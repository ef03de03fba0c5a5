"""Interfaces of any two crystals: each side is its slab, up to the strain that is reported."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from generators.errors import GenerationError
from generators.families.interfaces.common_cell import common_cell
from generators.families.interfaces.lattice_match import MatchLimits
from tests.candidates import cut_slab, interface_candidates

INDICES = st.tuples(*[st.integers(-2, 2)] * 3).filter(lambda hkl: np.gcd.reduce(hkl) == 1)
LIMITS = MatchLimits(area_tolerance=0.09, max_strain=0.06, max_atoms=250)


def bond_lengths(slab: Structure) -> np.ndarray:
    """Lengths of all bonds up to 5 Å, sorted; vacuum keeps the images along c out of reach."""
    return np.sort(slab.get_neighbor_list(5.0)[3])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    names=st.tuples(*[st.sampled_from(["Cu", "Li", "Mg", "LiF", "Cu2O"])] * 2),
    indices=st.tuples(INDICES, INDICES),
    strained=st.sampled_from(["film", "substrate", "both"]),
    registries=st.sampled_from([(1, 1), (2, 1)]),
)
def test_sides_mapped_back_are_the_slabs(crystals, names, indices, strained, registries):
    slabs = [
        cut_slab(crystals[name], hkl, min_thickness=2.5, vacuum=3)
        for name, hkl in zip(names, indices, strict=True)
    ]
    try:
        candidate = interface_candidates(
            *slabs, LIMITS, strained=strained, registries=registries, vacuum=6
        )[-1]
    except GenerationError as error:
        assert "no coherent interface" in error.message
        return
    structure, parameters = candidate.structure, candidate.parameters
    assert parameters["n_atoms"] == len(structure) <= LIMITS.max_atoms
    vectors = structure.lattice.matrix[:2, :2]
    first = 0
    for slab, name in zip(slabs, ("substrate", "film"), strict=True):
        side = parameters[name]
        last = first + side["n_atoms"]
        own = np.array(side["supercell"]) @ slab.structure.lattice.matrix[:2, :2]
        strains = np.linalg.svd(np.linalg.inv(own) @ vectors, compute_uv=False)[::-1] - 1
        assert side["principal_strains"] == pytest.approx(strains, abs=2e-6)
        assert np.linalg.det(own) == pytest.approx(
            side["n_atoms"] / len(slab.structure) * slab.area
        )
        # Straining back: the fractions stay, the cell becomes the slab's own.
        cell = structure.lattice.matrix.copy()
        cell[:2, :2] = own
        back = Structure(
            Lattice(cell),
            structure.species[first:last],
            structure.frac_coords[first:last],
        )
        repeats = side["n_atoms"] // len(slab.structure)
        assert bond_lengths(back) == pytest.approx(
            np.repeat(bond_lengths(slab.structure), repeats), abs=1e-6
        )
        assert back.composition == slab.structure.composition * repeats
        first = last


@pytest.mark.parametrize("turn", [0.0, 0.4, 2.0])
def test_mean_cell_does_not_hang_on_the_choice_of_axes(cu, li, turn):
    """Both sides are stretched alike whichever way the film was turned when it was cut."""
    substrate = cut_slab(cu, (1, 1, 1), min_thickness=4, vacuum=3)
    film = cut_slab(li, (1, 1, 0), min_thickness=4, vacuum=3)
    cell = common_cell(substrate, film, LIMITS, "both")
    ours = cell.substrate.matrix @ substrate.structure.lattice.matrix[:2, :2]
    theirs = cell.film.matrix @ film.structure.lattice.matrix[:2, :2]
    # The mean over the substrate's vectors and the film's, turned by the angle that brings the
    # sum of squared differences to its least (Kabsch), has the same lengths and angle.
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    left, stretches, right = np.linalg.svd(np.linalg.inv(theirs @ rotation) @ ours)
    assert stretches - 1 == pytest.approx(2 * np.array(cell.film.principal_strains)[::-1])
    mean = (ours + theirs @ rotation @ left @ right) / 2
    assert cell.vectors @ cell.vectors.T == pytest.approx(mean @ mean.T)
    assert cell.area == pytest.approx(np.linalg.det(mean))
