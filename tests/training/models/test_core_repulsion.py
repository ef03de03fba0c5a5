"""The repulsion of nuclei at distances that frames say nothing about, for all variants."""

import math

import numpy as np
import pytest
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from variant_models import NAMES, R_MAX, SMALL, build, predict

from training.models.repulsion_of_elements import REACH

PAIRS = [("Al", "Al"), ("Al", "Cu"), ("Cu", "Cu")]


def bond(pair):
    return sum(covalent_radii[atomic_numbers[symbol]] for symbol in pair)


def end(pair):
    return REACH * bond(pair)


def energies(model, pair, distances):
    return np.array([predict(model, Atoms(pair, [[0, 0, 0], [0, 0, r]])).energy for r in distances])


def repulsion(variant, pair, distances, **changes):
    """Energy of a dimer with the repulsion, less that of the same model without it."""
    section = SMALL[variant]["model"].model_copy(update=changes)
    bare = section.model_copy(update={"zbl": False})
    return energies(build(variant, model=section), pair, distances) - energies(
        build(variant, model=bare), pair, distances
    )


def zbl(pair, distance):
    """Ziegler, Biersack and Littmark's formula with the rounding of its textbook form, eV."""
    one, two = (atomic_numbers[symbol] for symbol in pair)
    x = distance / (0.46850 / (one**0.23 + two**0.23))
    terms = [(0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162)]
    return 14.399645 * one * two / distance * sum(c * math.exp(-d * x) for c, d in terms)


@pytest.mark.parametrize("variant", NAMES)
def test_a_dimer_is_repulsive_at_half_a_bond(variant):
    """Whatever the weights are; they are random here."""
    model = build(variant)
    for pair in PAIRS:
        at_half, closer = energies(model, pair, [0.5 * bond(pair), 0.4 * bond(pair)])
        apart = energies(model, pair, [2 * R_MAX])[0]
        assert closer > at_half > apart + 5


@pytest.mark.parametrize("variant", NAMES)
def test_the_model_is_as_without_it_where_there_can_be_bonds(variant):
    for pair in PAIRS:
        assert not repulsion(variant, pair, end(pair) * np.array([1.0, 1.01, 1.3])).any()
        inside = repulsion(variant, pair, end(pair) * np.array([0.9, 0.95, 0.99]))
        assert inside[0] > inside[1] > inside[2] > 0


def test_the_shortest_bond_of_common_elements_is_longer_than_where_it_ends():
    """Nitrogen's triple bond, 1.098 Å."""
    assert end(("N", "N")) < 1.098


def test_close_nuclei_repel_each_other_by_the_textbook():
    """Times the polynomial that ends it."""
    for pair in PAIRS:
        x = np.array([0.05, 0.1, 0.5, 0.8])
        envelope = 1 - 28 * x**6 + 48 * x**7 - 21 * x**8
        expected = envelope * [zbl(pair, end(pair) * each) for each in x]
        np.testing.assert_allclose(
            repulsion("allegro", pair, end(pair) * x), expected, rtol=1e-6, atol=1e-9
        )


def test_it_ends_smoothly_also_where_the_cutoff_comes_first():
    """As the cube of the distance to its end, so forces and their slopes end at 0."""
    for r_max in (R_MAX, 1.5):
        last = min(end(("Cu", "Cu")), r_max)
        near = repulsion("allegro", ("Cu", "Cu"), last - np.array([0.02, 0.01]), r_max=r_max)
        assert near[0] / near[1] == pytest.approx(8, rel=0.15)
