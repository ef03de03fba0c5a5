"""The six radial basis functions of SAMO-COBRA (de Winter et al. 2021)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cuprolith.arrays import FloatArray

_SMALLEST_SQUARE = 1e-300


@dataclass(frozen=True)
class Kernel:
    """A radial function that is conditionally positive definite.

    Attributes
    ----------
    name
        As `scipy.interpolate.RBFInterpolator` calls it.
    value
        φ of the squared distance, with the sign that makes it positive definite on all that is
        orthogonal to polynomials of `degree`.
    slope
        φ'(r) / r from the squared distance and φ: times (z - centre) it is the gradient.
    degree
        Least degree of the polynomial tail; -1 where none is needed.
    """

    name: str
    value: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray, FloatArray], FloatArray]
    degree: int


def _thin_plate(square: FloatArray) -> FloatArray:
    return 0.5 * square * np.log(np.maximum(square, _SMALLEST_SQUARE))


KERNELS: tuple[Kernel, ...] = (
    Kernel("cubic", lambda s: s * np.sqrt(s), lambda s, _: 3.0 * np.sqrt(s), 1),
    Kernel(
        "thin_plate_spline",
        _thin_plate,
        lambda s, _: np.log(np.maximum(s, _SMALLEST_SQUARE)) + 1.0,
        1,
    ),
    Kernel("multiquadric", lambda s: -np.sqrt(1.0 + s), lambda _, value: 1.0 / value, 0),
    Kernel("inverse_multiquadric", lambda s: 1 / np.sqrt(1.0 + s), lambda _, v: -(v**3), -1),
    Kernel("inverse_quadratic", lambda s: 1.0 / (1.0 + s), lambda _, v: -2.0 * v * v, -1),
    Kernel("gaussian", lambda s: np.exp(-s), lambda _, value: -2.0 * value, -1),
)
