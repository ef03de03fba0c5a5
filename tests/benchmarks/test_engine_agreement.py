from dataclasses import replace

import numpy as np
import pytest
from engine_agreement import engine_agreement

from training.dataset.frames import Frame

GENERATOR = np.random.default_rng(4)


def frame(numbers, family):
    return Frame(
        numbers=np.array(numbers),
        positions=GENERATOR.normal(size=(len(numbers), 3)),
        cell=np.eye(3) * 9,
        energy=-3.0 * len(numbers) + GENERATOR.normal(),
        forces=GENERATOR.normal(size=(len(numbers), 3)),
        stress=np.eye(3) * 0.01,
        structure_id="s",
        family=family,
        trajectory_id="s/static",
        step=0,
        engine="gpaw",
        functional="r2SCAN",
        config_hash="h",
    )


REFERENCE = [
    frame([3], "bulk"),
    frame([29], "bulk"),
    frame([3, 29], "interface"),
    frame([3, 3, 29], "interface"),
]


def shifted(one):
    """Another zero for each element, forces 10 % soft, stress 0.002 eV/Å³ off."""
    zero = 1.5 * (one.numbers == 3).sum() - 0.25 * (one.numbers == 29).sum()
    return replace(one, energy=one.energy + zero, forces=0.9 * one.forces, stress=one.stress + 2e-3)


def test_energies_are_compared_on_a_common_zero_and_the_rest_as_it_is():
    found = engine_agreement(REFERENCE, [shifted(one) for one in REFERENCE])
    assert list(found) == ["bulk", "interface", "all"]
    assert found["all"].n_frames == 4
    assert found["all"].n_atoms == 7
    for agreement in found.values():
        assert agreement.energy_mae == pytest.approx(0, abs=2e-6)
        assert agreement.force_slope == pytest.approx(0.9)
        assert agreement.force_rmse == pytest.approx(0.1 * agreement.reference_force_rms)
        assert agreement.stress_rmse == pytest.approx(2e-3)


def test_an_error_that_no_zero_explains_stays():
    others = [shifted(one) for one in REFERENCE]
    others[2] = replace(others[2], energy=others[2].energy + 0.4)
    assert engine_agreement(REFERENCE, others)["all"].energy_mae > 0.02


def test_no_slope_without_forces():
    still = [replace(one, forces=np.zeros_like(one.forces)) for one in REFERENCE]
    assert np.isnan(engine_agreement(still, still)["all"].force_slope)


def test_other_configurations_are_refused():
    moved = [replace(one, positions=one.positions + 0.1) for one in REFERENCE]
    with pytest.raises(ValueError, match="different configurations"):
        engine_agreement(REFERENCE, moved)
