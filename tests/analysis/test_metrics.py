"""Metrics against formulas written out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.metrics import (
    ErrorSum,
    force_mae,
    force_rmse,
    per_atom_energy_mae,
    stress_rmse,
)

FINITE = st.floats(-1e3, 1e3)


def vectors(n):
    return arrays(np.float64, (n, 3), elements=FINITE)


def test_per_atom_energy_errors_by_hand():
    # Residuals of 1, -2 and 6 eV on 1, 2 and 3 atoms: 1, -1 and 2 eV/atom.
    reference, predicted, n_atoms = [-3.0, -8.0, -12.0], [-2.0, -10.0, -6.0], [1, 2, 3]
    assert per_atom_energy_mae(reference, predicted, n_atoms) == pytest.approx(4 / 3)


def test_force_errors_are_per_component():
    reference = np.zeros((2, 3))
    predicted = np.array([[1.0, 0.0, -2.0], [0.0, 3.0, 0.0]])
    assert force_mae(reference, predicted) == pytest.approx(6 / 6)
    assert force_rmse(reference, predicted) == pytest.approx(math.sqrt(14 / 6))


def test_stress_errors_are_over_nine_components():
    predicted = np.zeros((1, 3, 3))
    predicted[0, 0, 1] = predicted[0, 1, 0] = 0.09
    assert stress_rmse(np.zeros((1, 3, 3)), predicted) == pytest.approx(math.sqrt(2 * 0.09**2 / 9))


@given(st.integers(1, 20).flatmap(lambda n: st.tuples(vectors(n), vectors(n))))
def test_force_errors_equal_plain_loops_and_keep_their_order(pair):
    reference, predicted = pair
    residuals = [
        float(p) - float(r)
        for row_p, row_r in zip(predicted, reference, strict=True)
        for p, r in zip(row_p, row_r, strict=True)
    ]
    mae = math.fsum(map(abs, residuals)) / len(residuals)
    rmse = math.sqrt(math.fsum(r * r for r in residuals) / len(residuals))
    assert force_mae(reference, predicted) == pytest.approx(mae, rel=1e-12, abs=1e-12)
    assert force_rmse(reference, predicted) == pytest.approx(rmse, rel=1e-12, abs=1e-12)
    assert force_mae(reference, predicted) <= rmse * (1 + 1e-12) + 1e-12


@given(st.integers(1, 12).flatmap(vectors), st.integers(0, 2**32 - 1))
def test_force_mae_of_a_rotated_error_is_within_the_norms(residuals, seed):
    """The component MAE depends on the axes, but |r|₁ ≤ √3 |r|₂ bounds it for all of them."""
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    turned = residuals @ rotation
    bound = np.linalg.norm(residuals, axis=1).mean() / math.sqrt(3)
    assert force_mae(np.zeros_like(turned), turned) <= bound * (1 + 1e-9) + 1e-12
    assert force_rmse(np.zeros_like(turned), turned) == pytest.approx(
        force_rmse(np.zeros_like(residuals), residuals), rel=1e-9, abs=1e-9
    )


@given(arrays(np.float64, st.integers(1, 60), elements=FINITE), st.lists(st.integers(0, 60)))
def test_error_sum_does_not_depend_on_the_pieces(residuals, cuts):
    whole, pieces = ErrorSum(), ErrorSum()
    whole.add(residuals)
    for piece in np.split(residuals, sorted(min(cut, len(residuals)) for cut in cuts)):
        pieces.add(piece)
    assert pieces.count == whole.count == len(residuals)
    assert pieces.mae == pytest.approx(whole.mae, rel=1e-12)
    assert pieces.rmse == pytest.approx(whole.rmse, rel=1e-12)
    assert pieces.largest == whole.largest == np.abs(residuals).max()


def test_nan_predictions_are_seen():
    predicted = np.zeros((4, 3))
    predicted[0, 0] = np.nan
    errors = ErrorSum()
    errors.add(predicted)
    errors.add(np.ones((2, 3)))
    assert math.isnan(errors.mae)
    assert math.isnan(errors.rmse)
    assert math.isnan(errors.largest)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\), \(3,\), \(2,\)"):
        per_atom_energy_mae([1.0, 2.0], [1.0, 2.0, 3.0], [1, 1])
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(3, 3\)"):
        force_mae(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"\(\.\.\., 3\)"):
        force_mae(np.zeros((2, 2)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="no data"):
        force_mae(np.zeros((0, 3)), np.zeros((0, 3)))
