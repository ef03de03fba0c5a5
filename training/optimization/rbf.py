"""Radial basis function interpolation: one factorisation for many outputs."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from scipy.linalg import lapack

from cuprolith.arrays import FloatArray
from training.optimization.kernels import Kernel

LEAST_RIDGE = 1e-12
_RIDGE_STEP = 100.0
_RANK_TOLERANCE = 1e-9


class Tail:
    """The polynomial part of an interpolant: constant, linear, square and product terms.

    It has as many terms as the points can determine: square or even linear terms only if enough
    points remain to check the fit, and no terms that depend on others (as those of the columns of
    a categorical do).

    Parameters
    ----------
    centres
        (n, d)
    products
        Whether products of two columns are terms, which makes the tail a full quadratic form.
    """

    def __init__(self, centres: FloatArray, products: bool = False) -> None:
        n, d = centres.shape
        spare = max(2, d // 2)
        self.degree = next((k for k in (2, 1) if n >= k * d + 1 + spare), 0)
        self._first, self._second = np.triu_indices(d if products else 0, 1)
        reflectors, order, tau, _, _ = lapack.dgeqp3(self._all_terms(centres))
        sizes = np.abs(np.diag(reflectors))
        rank = int((sizes > _RANK_TOLERANCE * sizes[0]).sum())
        self.n_terms = rank
        self._kept = order[:rank] - 1
        self._reflectors = np.asfortranarray(reflectors[:, :rank])
        self._tau = tau[:rank]
        self._triangle = np.triu(reflectors[:rank, :rank])

    def terms(self, points: FloatArray) -> FloatArray:
        """(p, n_terms) values of the terms at points (p, d)."""
        return self._all_terms(points)[:, self._kept]

    def derivative(self, point: FloatArray) -> FloatArray:
        """(n_terms, d) derivatives of the terms at a point (d,)."""
        d = len(point)
        blocks = [np.zeros((1, d)), np.eye(d), 2.0 * np.diag(point)][: self.degree + 1]
        if len(self._first):
            row = np.arange(len(self._first))
            products = np.zeros((len(row), d))
            products[row, self._first] = point[self._second]
            products[row, self._second] = point[self._first]
            blocks.append(products)
        return np.concatenate(blocks)[self._kept]

    def rotate(self, rows: FloatArray) -> FloatArray:
        """Qᵀ rows, of which all but the first `n_terms` are orthogonal to the terms."""
        return self._apply("T", rows)

    def rotate_back(self, rows: FloatArray) -> FloatArray:
        """Q rows."""
        return self._apply("N", rows)

    def solve(self, rotated: FloatArray) -> FloatArray:
        """Coefficients (n_terms, q) whose terms at the centres are Q rotated (n_terms, q)."""
        return np.asarray(scipy.linalg.solve_triangular(self._triangle, rotated))

    def _all_terms(self, points: FloatArray) -> FloatArray:
        blocks = [np.ones((len(points), 1)), points, points * points][: self.degree + 1]
        if len(self._first):
            blocks.append(points[:, self._first] * points[:, self._second])
        return np.concatenate(blocks, axis=1)

    def _apply(self, transposed: str, rows: FloatArray) -> FloatArray:
        work = max(1, 64 * rows.shape[1])
        product, _, info = lapack.dormqr("L", transposed, self._reflectors, self._tau, rows, work)
        if info != 0:
            raise ValueError(f"dormqr refused argument {-info}")
        return np.asarray(product)


class RbfFactor:
    """A factorised interpolation problem: kernel, centres and tail, for any outputs.

    Orthogonal to the tail the kernel matrix is positive definite and has a Cholesky factor. Where
    rounding destroys this, a ridge that is just large enough is added.

    Parameters
    ----------
    kernel
        Its `degree` must not exceed that of the tail.
    squares
        (n, n) squared distances of the centres.
    tail
        Tail of the same centres.
    ridge
        Relative to the mean of the diagonal; above the smallest ridge it smooths noise.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a distance is not finite, so that no ridge helps.
    """

    def __init__(
        self, kernel: Kernel, squares: FloatArray, tail: Tail, ridge: float = LEAST_RIDGE
    ) -> None:
        self.kernel = kernel
        self.tail = tail
        self._squares = squares
        t = tail.n_terms
        rotated = tail.rotate(tail.rotate(kernel.value(squares)).T)
        core = rotated[t:, t:]
        self._shift = float(np.abs(np.diag(core)).mean()) if len(core) else 0.0
        self._factor, self.ridge = _cholesky(core, self._shift, ridge)

    def coefficients(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Kernel (n, q) and tail (n_terms, q) coefficients for values (n, q) at the centres."""
        t = self.tail.n_terms
        rotated = self.tail.rotate(values)
        inner = np.zeros_like(rotated)
        inner[t:] = scipy.linalg.cho_solve((self._factor, True), rotated[t:], check_finite=False)
        weights = self.tail.rotate_back(inner)
        rest = self.tail.rotate(values - self.kernel.value(self._squares) @ weights)
        return weights, self.tail.solve(rest[:t])

    def leave_one_out(self, weights: FloatArray, rows: np.ndarray) -> FloatArray:
        """Errors (rows, q) of predicting some centres from all others (Rippa 1999).

        Parameters
        ----------
        weights
            (n, q) kernel coefficients.
        rows
            Indices of the centres.

        Returns
        -------
        Value minus prediction; NaN where the tail needs every point.
        """
        t = self.tail.n_terms
        units = np.zeros((len(weights), len(rows)))
        units[rows, np.arange(len(rows))] = 1.0
        inner = self.tail.rotate(units)[t:]
        halves = scipy.linalg.solve_triangular(self._factor, inner, lower=True, check_finite=False)
        diagonal = np.square(halves).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(diagonal[:, None] > 0, weights[rows] / diagonal[:, None], np.nan)


def _cholesky(core: FloatArray, scale: float, ridge: float) -> tuple[FloatArray, float]:
    if not np.isfinite(scale):
        raise np.linalg.LinAlgError("a distance between centres is not finite")
    while True:
        shifted = core + np.eye(len(core)) * (ridge * scale)
        factor, info = lapack.dpotrf(shifted, lower=True, clean=True)
        if info == 0:
            return factor, ridge
        ridge *= _RIDGE_STEP
