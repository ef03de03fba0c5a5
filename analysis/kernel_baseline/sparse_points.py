"""Choose environments that differ most from each other, as centres of the kernel."""

from __future__ import annotations

import numpy as np

from cuprolith.arrays import FloatArray, IntArray


def farthest_points(features: FloatArray, n_points: int, rng: np.random.Generator) -> IntArray:
    """Choose rows by farthest-point sampling.

    The first row is drawn at random; each further one is the row that is farthest from those
    chosen (Gonzalez 1985, Theor. Comput. Sci. 38, 293). Rows that repeat a chosen one are never
    taken.

    Parameters
    ----------
    features
        Shape (n, columns), n at least 1.
    n_points
        Number of rows, at most.
    rng
        Source of the first row.

    Returns
    -------
    Indices of rows in the order of the choice, at most `n_points`.
    """
    chosen = [int(rng.integers(len(features)))]
    squares = np.einsum("ij,ij->i", features, features)
    smallest = np.maximum(squares.max(), 1e-300) * 1e-10
    distances = np.full(len(features), np.inf)
    while len(chosen) < n_points:
        last = features[chosen[-1]]
        # Rounding can make the square of a distance slightly negative.
        np.minimum(distances, squares + last @ last - 2 * (features @ last), out=distances)
        farthest = int(np.argmax(distances))
        if distances[farthest] <= smallest:
            break
        chosen.append(farthest)
    return np.array(chosen)
