"""A fit to labels of a potential of another kind (EMT) is good, repeatable and limited."""

import numpy as np
import pytest
from ase.build import bulk, fcc111

from analysis.kernel_baseline.fit import fit_kernel, kernel_errors
from tests.analysis.conftest import emt_frame


@pytest.fixture(scope="module")
def frames():
    """Rattled alloys, and slabs of copper."""
    found = []
    for index in range(40):
        family = ("bulk", "slab")[index % 2]
        atoms = bulk("Cu", cubic=True) * (2, 1, 1)
        if family == "slab":
            atoms = fcc111("Cu", (1, 2, 4), vacuum=5, periodic=True)
        else:
            atoms.symbols[: index % 4] = "Al"
        atoms.rattle(0.1, seed=index)
        entry = {
            "structure_id": f"s-{index}",
            "family": family,
            "miller_index": "",
            "parent_id": "",
        }
        found.append(emt_frame(atoms, entry, f"t-{index}", 0))
    return {"train": found[:28], "val": found[28:34], "test": found[34:]}


def fitted(frames, **options):
    return fit_kernel(frames["train"], frames["val"], 4.5, 7, n_sparse=100, **options)


@pytest.fixture(scope="module")
def fit(frames):
    return fitted(frames)


def test_learns_emt(fit, frames):
    errors, families = kernel_errors(fit, frames["test"])
    forces = np.concatenate([frame.forces for frame in frames["test"]])
    assert errors.forces.mae < 0.1 * np.abs(forces).mean()
    assert sum(group.n_atoms for group in families.values()) == errors.n_atoms == len(forces)
    shares = [group.forces.mae * group.n_atoms for group in families.values()]
    assert sum(shares) / errors.n_atoms == pytest.approx(errors.forces.mae)


def test_the_same_seed_gives_the_same_fit(fit, frames):
    again = fitted(frames)
    np.testing.assert_array_equal(again.model.coefficients, fit.model.coefficients)
    assert again.ridge == fit.ridge


def test_a_limit_of_work_leaves_frames_out(fit, frames):
    assert fit.n_frames == len(frames["train"])
    few = fitted(frames, max_products=1e7)
    assert 0 < few.n_frames < fit.n_frames
