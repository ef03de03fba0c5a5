"""Surrogates of objectives and constraints: an ensemble of models per output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from scipy.spatial.distance import cdist

from cuprolith.arrays import FloatArray
from training.optimization.kernels import KERNELS, Kernel
from training.optimization.rbf import LEAST_RIDGE, RbfFactor, Tail
from training.optimization.transforms import Transform, combined

# None: no logarithm; else the quantile of |value| up to which the logarithm is about linear.
TRANSFORM_QUANTILES: tuple[float | None, ...] = (None, 0.5, 0.1)


class Basis(NamedTuple):
    """A kernel, whether products of columns join its tail, and the ridge that smooths noise."""

    kernel: Kernel
    products: bool = False
    ridge: float = LEAST_RIDGE


_BY_NAME = {kernel.name: kernel for kernel in KERNELS}
BASES: tuple[Basis, ...] = (
    *(Basis(kernel) for kernel in KERNELS),
    Basis(_BY_NAME["cubic"], products=True),
    Basis(_BY_NAME["multiquadric"], products=True),
    Basis(_BY_NAME["cubic"], ridge=1e-3),
    Basis(_BY_NAME["cubic"], ridge=1e-1),
)
N_MODELS = len(BASES) * len(TRANSFORM_QUANTILES)
SMOOTHING = np.repeat([basis.ridge > LEAST_RIDGE for basis in BASES], len(TRANSFORM_QUANTILES))
"""(N_MODELS,) which models smooth rather than interpolate."""
# Least number of points per term for a tail with products.
_POINTS_PER_TERM = 1.25


@dataclass(frozen=True)
class _Fit:
    factor: RbfFactor
    transform: Transform
    weights: FloatArray
    tail_weights: FloatArray


class Ensemble:
    """Every kernel and transform fitted to every output.

    Parameters
    ----------
    points
        (n, d) in [-1, 1]; equal ones are merged, their values averaged.
    values
        (n, n_outputs), all finite.
    """

    def __init__(self, points: FloatArray, values: FloatArray) -> None:
        self.points, self.values, self._row = _merged(points, values)
        self.n_outputs = values.shape[1]
        n, d = self.points.shape
        self._tails = {False: Tail(self.points)}
        if d > 1 and n >= _POINTS_PER_TERM * (d + 1) * (d + 2) / 2:
            self._tails[True] = Tail(self.points, products=True)
        squares = cdist(self.points, self.points, "sqeuclidean")
        transforms = [Transform.fit(self.values, q) for q in TRANSFORM_QUANTILES]
        transformed = np.concatenate([t.forward(self.values) for t in transforms], axis=1)
        self._models: list[_Fit | None] = []
        for basis in BASES:
            tail = self._tails.get(basis.products)
            self._models.extend(_fits(basis, tail, squares, transformed, transforms))

    @property
    def fitted(self) -> np.ndarray:
        """(N_MODELS,) which models have enough points."""
        return np.array([model is not None for model in self._models])

    def predict(self, points: FloatArray) -> FloatArray:
        """(p, N_MODELS, n_outputs) predictions of each model at points (p, d)."""
        squares = cdist(points, self.points, "sqeuclidean")
        predicted = np.full((len(points), N_MODELS, self.n_outputs), np.nan)
        for j, model in enumerate(self._models):
            if model is not None:
                values = model.factor.kernel.value(squares)
                terms = model.factor.tail.terms(points)
                raw = values @ model.weights + terms @ model.tail_weights
                predicted[:, j] = model.transform.backward(raw)[0]
        return predicted

    def leave_one_out(self, model: int, rows: np.ndarray) -> FloatArray:
        """(rows, n_outputs) predictions of a model for evaluations, from all others."""
        fit = self._models[model]
        if fit is None:
            return np.full((len(rows), self.n_outputs), np.nan)
        centres = self._row[rows]
        errors = fit.factor.leave_one_out(fit.weights, centres)
        return fit.transform.backward(fit.transform.forward(self.values[centres]) - errors)[0]

    def predictor(self, choice: np.ndarray) -> Predictor:
        """Return the predictor that uses a chosen model (n_outputs,) for each output."""
        basis = choice // len(TRANSFORM_QUANTILES)
        blocks = []
        for chosen in np.unique(basis):
            outputs = np.flatnonzero(basis == chosen)
            fits = [self._fit(choice[output]) for output in outputs]
            blocks.append(_block(outputs, fits))
        transforms = [self._fit(model).transform for model in choice]
        return Predictor(self.points, blocks, combined(transforms))

    def _fit(self, model: int) -> _Fit:
        fit = self._models[model]
        if fit is None:
            raise ValueError(f"model {model} needs more than {len(self.points)} points")
        return fit


@dataclass(frozen=True)
class _Block:
    """The outputs that share a kernel and a tail."""

    kernel: Kernel
    tail: Tail
    outputs: np.ndarray
    weights: FloatArray
    tail_weights: FloatArray


class OutputPredictor(Protocol):
    """Values and gradients of outputs at points."""

    n_outputs: int

    def predict(self, points: FloatArray) -> FloatArray:
        """(p, n_outputs) at points (p, d)."""

    def predict_gradient(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Prediction (n_outputs,) at a point (d,) and its derivatives (n_outputs, d)."""


class JointPredictor:
    """Predictors of different outputs as one.

    Parameters
    ----------
    parts
        Predictors, each with the positions of its outputs among all.
    """

    def __init__(self, parts: Sequence[tuple[OutputPredictor, np.ndarray]]) -> None:
        self._parts = parts
        self.n_outputs = sum(len(outputs) for _, outputs in parts)

    def predict(self, points: FloatArray) -> FloatArray:
        """(p, n_outputs) at points (p, d)."""
        predicted = np.empty((len(points), self.n_outputs))
        for part, outputs in self._parts:
            predicted[:, outputs] = part.predict(points)
        return predicted

    def predict_gradient(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Prediction (n_outputs,) at a point (d,) and its derivatives (n_outputs, d)."""
        predicted = np.empty(self.n_outputs)
        gradient = np.empty((self.n_outputs, len(point)))
        for part, outputs in self._parts:
            predicted[outputs], gradient[outputs] = part.predict_gradient(point)
        return predicted, gradient


class Predictor:
    """One surrogate per output."""

    def __init__(self, centres: FloatArray, blocks: list[_Block], transform: Transform) -> None:
        self._centres = centres
        self._blocks = blocks
        self._transform = transform
        self._tails = {id(block.tail): block.tail for block in blocks}
        self.n_outputs = len(transform.mean)

    def predict(self, points: FloatArray) -> FloatArray:
        """(p, n_outputs) at points (p, d)."""
        squares = cdist(points, self._centres, "sqeuclidean")
        terms = {key: tail.terms(points) for key, tail in self._tails.items()}
        transformed = np.empty((len(points), self.n_outputs))
        for block in self._blocks:
            transformed[:, block.outputs] = block.kernel.value(squares) @ block.weights
            transformed[:, block.outputs] += terms[id(block.tail)] @ block.tail_weights
        return self._transform.backward(transformed)[0]

    def predict_gradient(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Prediction (n_outputs,) at a point (d,) and its derivatives (n_outputs, d)."""
        away = point - self._centres
        squares = np.einsum("ij,ij->i", away, away)
        terms = {key: tail.terms(point[None, :])[0] for key, tail in self._tails.items()}
        slopes = {key: tail.derivative(point) for key, tail in self._tails.items()}
        transformed = np.empty(self.n_outputs)
        gradient = np.empty((self.n_outputs, len(point)))
        for block in self._blocks:
            key = id(block.tail)
            value = block.kernel.value(squares)
            slope = block.kernel.slope(squares, value)
            transformed[block.outputs] = value @ block.weights + terms[key] @ block.tail_weights
            gradient[block.outputs] = (block.weights.T * slope) @ away
            gradient[block.outputs] += block.tail_weights.T @ slopes[key]
        predicted, stretch = self._transform.backward(transformed)
        return predicted, stretch[:, None] * gradient


def _fits(
    basis: Basis,
    tail: Tail | None,
    squares: FloatArray,
    transformed: FloatArray,
    transforms: Sequence[Transform],
) -> list[_Fit | None]:
    """Fit one model per transform, with the outputs in columns; None for too few points."""
    if tail is None or basis.kernel.degree > tail.degree:
        return [None] * len(transforms)
    factor = RbfFactor(basis.kernel, squares, tail, basis.ridge)
    weights, tail_weights = factor.coefficients(transformed)
    return [
        _Fit(factor, transform, w, t)
        for transform, w, t in zip(
            transforms,
            np.split(weights, len(transforms), axis=1),
            np.split(tail_weights, len(transforms), axis=1),
            strict=True,
        )
    ]


def _block(outputs: np.ndarray, fits: Sequence[_Fit]) -> _Block:
    return _Block(
        fits[0].factor.kernel,
        fits[0].factor.tail,
        outputs,
        np.column_stack([fit.weights[:, o] for fit, o in zip(fits, outputs, strict=True)]),
        np.column_stack([fit.tail_weights[:, o] for fit, o in zip(fits, outputs, strict=True)]),
    )


def _merged(points: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray, np.ndarray]:
    """Return distinct points, mean values there, and the row of each original point."""
    distinct, row = np.unique(points, axis=0, return_inverse=True)
    row = row.reshape(-1)
    counts = np.bincount(row)
    means = np.column_stack([np.bincount(row, weights=column) / counts for column in values.T])
    return distinct, means, row
