from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from frame_samples import emt_frame, random_frame

from training.dataset.frames import PROVENANCE_FIELDS, Frame


@pytest.fixture
def frame() -> Frame:
    return random_frame(np.random.default_rng(1))


def test_equality_is_by_content(frame):
    twin = replace(frame, positions=frame.positions.copy(), forces=frame.forces.copy())
    assert twin == frame


@pytest.mark.parametrize("name", ["positions", "cell", "forces", "stress"])
def test_one_last_bit_makes_frames_differ(frame, name):
    array = getattr(frame, name).copy()
    array[0, 0] = np.nextafter(array[0, 0], np.inf)
    assert replace(frame, **{name: array}) != frame


@pytest.mark.parametrize("name", Frame.__dataclass_fields__)
def test_every_field_counts(frame, name):
    changes = {
        "numbers": frame.numbers + 1,
        "positions": -frame.positions,
        "cell": -frame.cell,
        "forces": -frame.forces,
        "stress": None,
        "free_mask": ~frame.free_mask,
        "pbc": (True, True, False),
        "converged": False,
        "step": 7,
        "energy": frame.energy + 1e-12,
        "energy_sigma0": None,
    }
    assert replace(frame, **{name: changes.get(name, "other")}) != frame


def test_signed_zero_and_nan(frame):
    zero, minus, nan = (replace(frame, energy=value) for value in (0.0, -0.0, float("nan")))
    assert zero != minus
    assert nan == replace(frame, energy=float("nan"))
    assert nan != zero
    with_nan = replace(frame, forces=np.full((5, 3), np.nan))
    assert with_nan == replace(frame, forces=np.full((5, 3), np.nan))
    assert with_nan != frame
    assert replace(frame, forces=np.zeros((5, 3))) != replace(frame, forces=-np.zeros((5, 3)))


def test_frames_are_not_equal_to_other_things_and_not_hashable(frame):
    assert frame != "frame"
    with pytest.raises(TypeError, match="unhashable"):
        hash(frame)


def test_volume_and_composition():
    a = 3.6
    crystal = emt_frame(bulk("Cu", "fcc", a, cubic=True))
    assert crystal.composition == ((29, 4),)
    assert crystal.volume == pytest.approx(a**3)
    left_handed = replace(crystal, cell=crystal.cell[[1, 0, 2]])
    assert left_handed.volume == pytest.approx(a**3)


def test_to_atoms_gives_all_forces_and_asymmetric_masks_no_constraint(frame):
    atoms = frame.to_atoms()
    assert np.array_equal(atoms.get_forces(), frame.forces)
    assert atoms.get_potential_energy() == frame.energy
    assert np.allclose(atoms.get_stress(voigt=False), frame.stress, rtol=1e-15)
    assert not atoms.constraints
    assert atoms.info == {name: getattr(frame, name) for name in PROVENANCE_FIELDS}
