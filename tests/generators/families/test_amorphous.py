"""Amorphous mixtures: density, distances, and no order."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition, Lattice, Structure

from generators.candidate import Candidate
from generators.errors import GenerationError
from generators.families.amorphous import mixture_volume, volume_at_density
from tests.candidates import amorphous_candidates

ZEN_LI_CU = 13.7  # Å³ per atom of Li16Cu48


def pack(formula="Li16Cu48", **changes) -> list[Candidate]:
    content = {"volume_per_atom": ZEN_LI_CU, "min_distance": 2.0}
    return amorphous_candidates(formula, **(content | changes))


def shortest_distance(structure: Structure, reach: float) -> float:
    """Of all pairs, an atom and its own images included; brute force over the images."""
    cells = np.array(list(np.ndindex(5, 5, 5))) - 2
    shifts = cells @ structure.lattice.matrix
    positions = structure.cart_coords
    apart = positions[:, None, None] - positions[None, :, None] - shifts
    distances = np.linalg.norm(apart, axis=-1)
    distances[np.arange(len(positions)), np.arange(len(positions)), len(cells) // 2] = np.inf
    return float(distances.min(initial=reach))


@settings(max_examples=40, deadline=None)
@given(
    lithium=st.integers(0, 30),
    copper=st.integers(0, 30),
    volume=st.floats(11.4, 21),
    min_distance=st.floats(1.5, 2.2),
    seed=st.integers(0, 100),
)
def test_packings_are_what_was_asked_for(lithium, copper, volume, min_distance, seed):
    atoms = lithium + copper
    assume(atoms > 0 and (atoms * volume) ** (1 / 3) > min_distance)
    formula = (
        f"Li{lithium}Cu{copper}" if lithium and copper else f"{'Li' if lithium else 'Cu'}{atoms}"
    )
    (candidate,) = pack(formula, volume_per_atom=volume, min_distance=min_distance, seed=seed)
    structure = candidate.structure
    assert structure.composition == Composition(formula)
    assert structure.volume / atoms == pytest.approx(volume, rel=1e-5)
    assert np.allclose(structure.lattice.parameters, [*[structure.lattice.a] * 3, 90, 90, 90])
    shortest = shortest_distance(structure, structure.lattice.a)
    assert shortest >= min_distance - 1e-9
    assert candidate.parameters["shortest_distance"] == pytest.approx(shortest, abs=2e-6)
    assert not structure.is_valid(shortest + 1e-3) or atoms == 1
    _, _, _, near = structure.get_neighbor_list(min_distance - 1e-9)
    assert len(near) == 0


@settings(max_examples=20, deadline=None)
@given(density=st.floats(0.5, 7.0), formula=st.sampled_from(["Li16Cu48", "Mg12O12", "Cu20"]))
def test_density_is_the_one_asked_for(formula, density):
    (candidate,) = pack(
        formula, volume_per_atom=volume_at_density(formula, density), min_distance=1.5
    )
    assert candidate.structure.density == pytest.approx(density, rel=1e-5)
    assert candidate.parameters["density"] == pytest.approx(density, rel=1e-5)


def test_mixture_takes_the_room_of_its_crystals(cu, li, lif):
    volume = mixture_volume("Li16Cu48", [lif, cu, li])
    assert volume == pytest.approx((16 * 3.456**3 / 2 + 48 * 3.575**3 / 4) / 64)
    (candidate,) = pack("Cu32", volume_per_atom=mixture_volume("Cu32", [cu, li]))
    assert candidate.structure.density == pytest.approx(cu.conventional.density, rel=1e-5)


def test_element_without_crystal_is_refused(cu, lif):
    with pytest.raises(GenerationError, match=r"(?s)no crystal consists of Li alone.*`density`"):
        mixture_volume("Li16Cu48", [cu, lif])


def test_provenance():
    (candidate,) = pack(seed=7)
    assert candidate.family == "amorphous"
    assert candidate.free_mask == (True,) * 64
    assert candidate.parent_id == ""
    assert candidate.miller_index is None
    assert candidate.parameters["seed"] == 7
    assert candidate.parameters["min_distance"] == 2.0
    assert candidate.parameters["volume_per_atom"] == pytest.approx(ZEN_LI_CU, abs=1e-5)
    assert json.loads(json.dumps(candidate.parameters)) == candidate.parameters


def test_copies_differ_and_come_again_with_the_same_seed():
    ids = [candidate.structure_id for candidate in pack(copies=3)]
    assert len(set(ids)) == 3
    assert [candidate.structure_id for candidate in pack(copies=2)] == ids[:2]
    assert [candidate.structure_id for candidate in pack("Cu48Li16", copies=3)] == ids
    assert not set(ids) & {candidate.structure_id for candidate in pack(copies=3, seed=1)}


def test_float_noise_of_the_volume_does_not_matter():
    (one,), (other,) = pack(), pack(volume_per_atom=ZEN_LI_CU * (1 + 1e-14))
    assert one.structure_id == other.structure_id


def test_id_is_the_same_on_every_machine():
    # A golden value: a change of it makes every stored label an orphan.
    assert pack(min_distance=2.2)[0].structure_id == "amorphous-360c6233ef72"


def radial_distribution(structures: list[Structure], edges: np.ndarray) -> np.ndarray:
    """g(r) in bins between `edges` (Å), averaged."""
    counts = np.zeros(len(edges) - 1)
    expected = np.zeros(len(edges) - 1)
    for structure in structures:
        _, _, _, distances = structure.get_neighbor_list(edges[-1])
        counts += np.histogram(distances, edges)[0]
        shells = np.diff(4 / 3 * np.pi * edges**3)
        expected += len(structure) ** 2 / structure.volume * shells
    return counts / expected


def test_no_long_range_order(cu):
    """Beyond the first shells g(r) is flat, where that of the crystal has peaks and gaps."""
    edges = np.arange(5.0, 9.0, 0.25)
    volume = cu.primitive.volume
    glasses = [
        c.structure for c in pack("Cu256", volume_per_atom=volume, min_distance=2.2, copies=2)
    ]
    assert np.abs(radial_distribution(glasses, edges) - 1).max() < 0.2
    assert np.abs(radial_distribution([cu.conventional], edges) - 1).max() > 1


def test_elements_are_mixed_at_random():
    """Pairs of unlike neighbours are as frequent as in a random alloy."""
    unlike = total = 0
    for candidate in pack("Li64Cu64", min_distance=2.2, copies=6):
        numbers = np.array(candidate.structure.atomic_numbers)
        first, second, _, _ = candidate.structure.get_neighbor_list(3.0)
        unlike += np.count_nonzero(numbers[first] != numbers[second])
        total += len(first)
    assert unlike / total == pytest.approx(64 / 127, abs=0.03)


@pytest.mark.parametrize("formula", ["Cu2", "Li2Cu2", "Cu7"])
def test_small_cells_keep_images_apart(formula):
    """Cells narrower than two distances, where one atom overlaps with several images."""
    (candidate,) = pack(formula, volume_per_atom=11.4, min_distance=2.2)
    assert candidate.structure.lattice.a < 2 * 2.2
    assert shortest_distance(candidate.structure, 10.0) >= 2.2 - 1e-9


@pytest.mark.parametrize(
    ("formula", "min_distance", "fraction"),
    [("Cu64", 2.6, 0.81), ("Li32Cu32", 4.2, 3.40), ("Cu5", 2.2, 0.49), ("Cu", 2.3, 0.56)],
)
def test_what_cannot_be_packed_is_refused(formula, min_distance, fraction):
    with pytest.raises(GenerationError, match=f"fill {fraction:.2f} of it") as caught:
        pack(formula, volume_per_atom=11.42, min_distance=min_distance)
    reached = float(re.search(r"reached is ([\d.]+) Å", caught.value.message)[1])
    assert 2.1 < reached < min_distance
    proposed = float(re.search(r"to ([\d.]+) Å", caught.value.remedy)[1])
    (candidate,) = pack(formula, volume_per_atom=11.42, min_distance=proposed)
    assert shortest_distance(candidate.structure, 10.0) >= proposed - 1e-9


@pytest.mark.parametrize("formula", ["", "Li0.5Cu0.5", "Xx4", "Li-3", "copper", "16"])
def test_bad_formulas_are_refused(formula):
    with pytest.raises(GenerationError, match="does not name the atoms of a cell"):
        pack(formula)


def test_candidate_lies_in_a_cube():
    (candidate,) = pack()
    edge = candidate.structure.lattice.a
    assert candidate.structure.lattice == Lattice.cubic(edge)
    assert ((candidate.structure.frac_coords >= 0) & (candidate.structure.frac_coords < 1)).all()
