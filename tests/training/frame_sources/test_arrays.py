import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.frame_sources.arrays import MoleculeArrays


def molecules(sizes, seed=0, forces=True):
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    return MoleculeArrays(
        index=np.arange(1, len(sizes) + 1),
        n_atoms=np.array(sizes, dtype=np.int64),
        numbers=rng.choice(np.array([1, 6, 7, 8, 9], dtype=np.uint8), n),
        positions=rng.normal(size=(n, 3)),
        energies=rng.normal(size=len(sizes)),
        forces=rng.normal(size=(n, 3)) if forces else None,
    )


@given(st.data())
def test_a_subset_holds_the_molecules_in_the_order_asked_for(data):
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=12))
    chosen = data.draw(st.lists(st.integers(0, len(sizes) - 1), max_size=20))
    arrays = molecules(sizes)
    subset = arrays.subset(np.array(chosen, dtype=np.int64))
    assert len(subset) == len(chosen)
    for here, there in enumerate(chosen):
        mine, theirs = subset.atoms_of(here), arrays.atoms_of(there)
        np.testing.assert_array_equal(subset.numbers[mine], arrays.numbers[theirs])
        np.testing.assert_array_equal(subset.positions[mine], arrays.positions[theirs])
        np.testing.assert_array_equal(subset.forces[mine], arrays.forces[theirs])
        assert subset.energies[here] == arrays.energies[there]
        assert subset.index[here] == arrays.index[there]


@pytest.mark.parametrize("name", ["n_atoms", "numbers", "positions", "energies", "forces"])
def test_whatever_is_learnt_from_is_in_the_hash(name):
    arrays, other = molecules([3, 2]), molecules([3, 2])
    assert arrays.sha256 == other.sha256
    getattr(other, name)[0] += 1
    assert arrays.sha256 != other.sha256


def test_symbols_are_sorted():
    arrays = molecules([5])
    arrays.numbers[:] = [9, 1, 6, 6, 8]
    assert arrays.symbols == ("C", "F", "H", "O")
