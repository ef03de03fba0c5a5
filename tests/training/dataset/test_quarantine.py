from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.neighborlist import primitive_neighbor_list
from frame_samples import emt_frame, random_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from training.dataset.quarantine import (
    ATOMS_TOO_CLOSE,
    FORCE_TOO_LARGE,
    NO_VOLUME,
    NOT_CONVERGED,
    NOT_FINITE,
    quarantine_reasons,
    reason_kind,
)
from training.settings import QuarantineSettings

LIMITS = QuarantineSettings(max_force=50.0, min_distance=0.7)


def kinds(frame, limits=LIMITS) -> list[str]:
    return [reason_kind(reason) for reason in quarantine_reasons(frame, limits)]


@pytest.fixture
def crystal():
    atoms = bulk("Cu", "fcc", 3.6, cubic=True)
    atoms.rattle(0.05, seed=1)
    return emt_frame(atoms)


def test_a_physical_frame_has_no_reason(crystal):
    assert quarantine_reasons(crystal, LIMITS) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["energy", "forces", "positions", "cell", "stress"])
def test_what_is_not_finite_is_named(crystal, name, value):
    broken = np.array(getattr(crystal, name), copy=True)
    broken[(0,) * broken.ndim] = value
    frame = replace(crystal, **{name: float(broken) if name == "energy" else broken})
    reasons = quarantine_reasons(frame, LIMITS)
    assert reasons == [f"{NOT_FINITE}: {name}"]


def test_missing_stress_is_no_reason(crystal):
    assert kinds(replace(crystal, stress=None)) == []


def test_large_force_is_named_with_its_atom(crystal):
    forces = crystal.forces.copy()
    forces[2] = [30, 40, 0.001]
    (reason,) = quarantine_reasons(replace(crystal, forces=forces), LIMITS)
    assert reason.startswith(FORCE_TOO_LARGE)
    assert "50 eV/Angstrom on atom 2 (limit 50)" in reason
    forces[2] = [30, 40, 0]
    assert kinds(replace(crystal, forces=forces)) == [], "the limit itself is allowed"


def test_unconverged(crystal):
    assert kinds(replace(crystal, converged=False)) == [NOT_CONVERGED]


def test_all_reasons_are_given(crystal):
    frame = replace(
        crystal,
        positions=np.zeros((4, 3)),
        forces=np.full((4, 3), 100.0),
        energy=np.nan,
        converged=False,
    )
    assert kinds(frame) == [NOT_FINITE, FORCE_TOO_LARGE, ATOMS_TOO_CLOSE, NOT_CONVERGED]


@pytest.mark.parametrize("pbc", [(True, True, True), (True, True, False)])
@pytest.mark.parametrize("distance", [0.69, 0.71])
def test_neighbours_through_the_periodic_cell(pbc, distance):
    cell = np.array([[8.0, 0, 0], [3.0, 7.0, 0], [1.0, 2.0, 9.0]])
    positions = np.array([[0.1, 0.1, 0.1], [0.1, 0.1 - distance, 0.1]]) + cell[1] * [[3], [-2]]
    frame = random_frame(np.random.default_rng(0), 2, cell=cell, positions=positions, pbc=pbc)
    assert (kinds(frame) == [ATOMS_TOO_CLOSE]) == (distance < 0.7)
    reasons = quarantine_reasons(frame, LIMITS)
    assert not reasons or f"{distance:.3f} Angstrom between atoms 0 and 1" in reasons[0]


def test_no_neighbours_where_the_cell_does_not_repeat():
    positions = np.array([[1.0, 1.0, 0.1], [1.0, 1.0, 9.9]])
    frame = random_frame(np.random.default_rng(0), 2, positions=positions, cell=np.eye(3) * 10)
    assert kinds(frame) == [ATOMS_TOO_CLOSE]
    assert kinds(replace(frame, pbc=(True, True, False))) == []


def test_own_image_counts():
    cell = np.diag([0.5, 5.0, 5.0])
    frame = random_frame(np.random.default_rng(0), 1, cell=cell)
    (reason,) = quarantine_reasons(frame, LIMITS)
    assert "0.500 Angstrom between atoms 0 and 0" in reason


def test_molecules_and_cells_without_volume():
    molecule = random_frame(
        np.random.default_rng(0),
        2,
        positions=np.array([[0, 0, 0], [0, 0, 0.6]]),
        cell=np.zeros((3, 3)),
        pbc=(False, False, False),
    )
    assert kinds(molecule) == [ATOMS_TOO_CLOSE]
    assert kinds(replace(molecule, positions=molecule.positions * 2)) == []
    assert kinds(replace(molecule, pbc=(True, True, True))) == [NO_VOLUME]
    flat = np.array([[5.0, 0, 0], [0, 5.0, 0], [5.0, 5.0, 0]])
    assert kinds(replace(molecule, cell=flat, pbc=(True, True, True))) == [NO_VOLUME]
    exploded = replace(molecule, positions=np.array([[0, 0, 0], [1e7, 0, 0]]))
    assert kinds(exploded) == []


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_atoms=st.integers(1, 12),
    size=st.floats(1.01, 6.0),
    shear=st.floats(0.0, 1.5),
    pbc=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_smallest_distance_agrees_with_ases_neighbour_list(seed, n_atoms, size, shear, pbc):
    rng = np.random.default_rng(seed)
    cell = (np.eye(3) + np.tril(rng.uniform(-shear, shear, (3, 3)), -1)) * size
    positions = rng.uniform(-2, 3, (n_atoms, 3)) @ cell
    distances = primitive_neighbor_list("d", pbc, cell, positions, 1.0)
    frame = random_frame(rng, n_atoms, cell=cell, positions=positions, pbc=pbc)
    reasons = quarantine_reasons(frame, QuarantineSettings(max_force=1e6, min_distance=1.0))
    assert bool(reasons) == bool(len(distances))
    if reasons:
        assert reasons[0].startswith(f"{ATOMS_TOO_CLOSE}: {distances.min():.3f} ")


def test_a_flaw_its_maker_knows_of_is_the_reason(crystal):
    frame = replace(crystal, flaw="ENCUT 400 vs 520")
    assert quarantine_reasons(frame, LIMITS) == ["flawed label: ENCUT 400 vs 520"]
