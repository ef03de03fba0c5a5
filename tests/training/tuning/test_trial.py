"""Objectives and constraints of trials: units, signs, and what failures give."""

import math

import pytest

from training.tuning.objectives import constraint_values, exceeded_limits, objective_values
from training.tuning.settings import InferenceSettings, LimitSettings, TuningSettings
from training.tuning.trial import (
    CostEstimate,
    InferenceTime,
    TrialAccuracy,
    TrialMeasurements,
    TrialResult,
)

TIME = InferenceTime(
    per_atom_seconds=20e-6,
    spread=0.02,
    n_atoms=64,
    n_edges=3000,
    repeats=20,
    compiled=True,
    device="cpu",
    dtype="float32",
    threads=2,
    cores=4,
    other_load=0.1,
)
ACCURACY = TrialAccuracy(
    accuracy=0.05, accuracy_name="forces_mae", training_seconds=1800, epochs=30, max_epochs=30
)
MEASURED = TrialMeasurements(
    inference=TIME,
    cost=CostEstimate(flops_per_atom=3e6, bytes_per_atom=1e6),
    peak_memory_bytes=3 * 2**30,
    energy_drift=2e-4,
)
LIMITS = LimitSettings(peak_memory=2.0, inference_time=40.0, training_time=1.0, energy_drift=1e-4)


def result(accuracy=ACCURACY, measured=MEASURED, **parameters):
    return TrialResult.of(parameters, accuracy, measured)


def test_objectives_have_the_units_of_the_reference_point():
    assert objective_values(result(), TuningSettings()) == pytest.approx((0.05, 20.0))
    flops = TuningSettings(inference=InferenceSettings(objective="flops"))
    assert objective_values(result(), flops) == pytest.approx((0.05, 3.0))


def test_failed_parts_leave_no_objectives():
    lost = ACCURACY.model_copy(update={"accuracy": None, "failure": "the loss is nan"})
    unmeasured = TrialMeasurements(failure="out of memory")
    for failed in (result(accuracy=lost), result(measured=unmeasured)):
        assert objective_values(failed, TuningSettings()) is None
    both = result(lost, unmeasured)
    assert both.failure == "the loss is nan; out of memory"


def test_unstable_trials_fail_although_everything_else_is_known():
    unstable = MEASURED.model_copy(update={"energy_drift": None, "failure": "exploded"})
    assert objective_values(result(measured=unstable), TuningSettings()) is None


def test_constraints_are_shares_of_the_limits_that_are_set():
    assert constraint_values(result(), LIMITS) == pytest.approx((0.5, -0.5, -0.5, 1.0))
    assert constraint_values(result(), LimitSettings()) == ()
    only = LimitSettings(inference_time=20.0)
    assert constraint_values(result(), only) == pytest.approx((0.0,))


def test_shortened_trainings_count_with_the_time_of_all_epochs():
    cut = ACCURACY.model_copy(update={"training_seconds": 3600.0, "epochs": 20})
    assert constraint_values(result(cut), LIMITS)[2] == pytest.approx(0.5)


def test_failures_keep_the_constraints_that_are_known():
    lost = TrialAccuracy(accuracy_name="forces_mae", max_epochs=30, failure="killed")
    values = constraint_values(result(lost), LIMITS)
    assert values[:2] == pytest.approx((0.5, -0.5))
    assert math.isnan(values[2])


def test_results_survive_json():
    original = result(**{"model.r_max": 5.25, "batch_size": 2})
    assert TrialResult.model_validate_json(original.model_dump_json()) == original


@pytest.mark.parametrize(
    ("changes", "disturbed"),
    [({}, False), ({"spread": 0.3}, True), ({"other_load": 2.5}, True), ({"threads": 4}, False)],
)
def test_disturbed_measurements_say_so(changes, disturbed):
    assert TIME.model_copy(update=changes).disturbed == disturbed


def test_limits_that_an_untrained_model_exceeds():
    untrained = TrialAccuracy(accuracy_name="forces_mae", max_epochs=30)
    known = result(untrained, MEASURED.model_copy(update={"energy_drift": None}))
    assert exceeded_limits(known, LIMITS) == ["peak_memory is 50% above its limit"]
    assert exceeded_limits(result(), LIMITS) == [
        "peak_memory is 50% above its limit",
        "energy_drift is 100% above its limit",
    ]
    assert exceeded_limits(result(), LimitSettings()) == []
