"""Compare forces, which measurements hold as curves."""

from __future__ import annotations

import numpy as np

from analysis.validation.property import Compared, Measurement


def compare_forces(potential: Measurement, reference: Measurement) -> list[Compared]:
    """Return the MAE of force components over their mean size, per cent."""
    mine, theirs = potential.curves[""].y, reference.curves[""].y
    return [Compared("", float(100 * np.abs(mine - theirs).mean() / np.abs(theirs).mean()), 0.0)]
