"""Compare forces, which measurements hold as curves."""

from __future__ import annotations

import numpy as np

from analysis.validation.property import Compared, Measurement

_NO_FORCE = 1e-6  # eV/Å


def compare_forces(potential: Measurement, reference: Measurement) -> list[Compared]:
    """Return the MAE of force components over their mean size, per cent.

    Forces that vanish by symmetry have no size to compare with, and nothing is returned.
    """
    mine, theirs = potential.curves[""].y, reference.curves[""].y
    size = np.abs(theirs).mean()
    if size < _NO_FORCE:
        return []
    return [Compared("", float(100 * np.abs(mine - theirs).mean() / size), 0.0)]
