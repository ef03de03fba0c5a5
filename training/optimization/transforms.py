"""Transforms of outputs for surrogates: standardised, plain or after a pseudo-logarithm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from cuprolith.arrays import FloatArray

# A surrogate that extrapolates a pseudo-logarithm far beyond the data would overflow.
_EXTRAPOLATION = 2.0


def plog(values: FloatArray, scale: FloatArray | float = 1.0) -> FloatArray:
    """Sign-keeping logarithm: linear up to about `scale`, logarithmic beyond (Regis 2014)."""
    return np.asarray(np.sign(values) * np.log1p(np.abs(values) / scale))


def plog_inverse(values: FloatArray, scale: FloatArray | float = 1.0) -> FloatArray:
    """Undo `plog`."""
    return np.asarray(np.sign(values) * scale * np.expm1(np.abs(values)))


@dataclass(frozen=True)
class Transform:
    """Transform of outputs for a surrogate; every array has one entry per output.

    Attributes
    ----------
    mean, deviation
        Mean and standard deviation of the data, after the pseudo-logarithm where there is one.
    plog_scale
        Scale of the pseudo-logarithm, infinite for none.
    least, greatest
        Bounds of what the pseudo-logarithm is inverted for.
    """

    mean: FloatArray
    deviation: FloatArray
    plog_scale: FloatArray
    least: FloatArray
    greatest: FloatArray

    @classmethod
    def fit(cls, values: FloatArray, quantile: float | None) -> Transform:
        """Fit to values (n, q); the scale of the logarithm is a quantile of their size."""
        scale = np.full(values.shape[1], np.inf)
        if quantile is not None:
            scale = np.quantile(np.abs(values), quantile, axis=0)
            scale = np.where(scale > 0, scale, 1.0)
            values = plog(values, scale)
        deviation = values.std(axis=0)
        return cls(
            mean=values.mean(axis=0),
            deviation=np.where(deviation > 0, deviation, 1.0),
            plog_scale=scale,
            least=values.min(axis=0) - _EXTRAPOLATION,
            greatest=values.max(axis=0) + _EXTRAPOLATION,
        )

    def forward(self, values: FloatArray) -> FloatArray:
        """Transform values (..., q)."""
        logarithmic = np.isfinite(self.plog_scale)
        scale = np.where(logarithmic, self.plog_scale, 1.0)
        return (np.where(logarithmic, plog(values, scale), values) - self.mean) / self.deviation

    def backward(self, transformed: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Undo the transform of (..., q); also return the derivatives of the values."""
        raw = transformed * self.deviation + self.mean
        logarithmic = np.isfinite(self.plog_scale)
        if not logarithmic.any():
            return raw, np.broadcast_to(self.deviation, raw.shape)
        scale = np.where(logarithmic, self.plog_scale, 1.0)
        bounded = np.where(logarithmic, np.clip(raw, self.least, self.greatest), 0.0)
        values = np.where(logarithmic, plog_inverse(bounded, scale), raw)
        inside = (bounded == raw) | ~logarithmic
        stretch = np.where(logarithmic, scale * np.exp(np.abs(bounded)), 1.0)
        return values, stretch * self.deviation * inside


def combined(transforms: Sequence[Transform]) -> Transform:
    """Return a transform that treats the i-th output as the i-th of the transforms does."""
    return Transform(
        **{
            field.name: np.array([getattr(t, field.name)[i] for i, t in enumerate(transforms)])
            for field in fields(Transform)
        }
    )
