"""Temperature along the melt-quench."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.validation.material import Material
from analysis.validation.melting import melt_cases
from analysis.validation.property import Case, Curve, Measurement, Property, Tolerance
from analysis.validation.trajectory import Trajectory


def _measure(trajectory: Trajectory) -> Measurement:
    times = np.arange(len(trajectory.temperatures)) * trajectory.time_step / 1000
    curve = Curve.of(times, trajectory.temperatures)
    return Measurement({"": float(np.mean(trajectory.temperatures))}, {"": curve})


def _cases(material: Material) -> Iterator[Case]:
    return melt_cases(material, _measure)


PROPERTY = Property(
    name="melt_temperature",
    title="Temperature of the melt-quench",
    unit="K",
    cases=_cases,
    tolerance=Tolerance(relative=0.1),
    group="dynamics",
    about="Mean over the campaign's melt-quench, run with the potential from the same start and "
    "velocities.",
    figure="curves",
    axes=("time, ps", "temperature, K"),
)
