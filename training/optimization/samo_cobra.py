"""SAMO-COBRA: surrogate-assisted multi-objective optimisation with constraints.

De Winter, van Stein and Bäck, EMO 2021. `propose` has no memory; `SamoCobraSampler` (in
`training.optimization.optuna_sampler`) keeps the observations in Optuna's storage.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from cuprolith.arrays import FloatArray
from training.optimization.candidates import initial_design
from training.optimization.fitted_surrogates import fit_surrogates, scaled, unscaled
from training.optimization.observations import Observations, Proposals
from training.optimization.search import Search
from training.optimization.search_space import SearchSpace
from training.optimization.seen_points import SearchSpaceExhausted, SeenPoints
from training.optimization.settings import SamoCobraSettings


def propose(
    observations: Observations,
    space: SearchSpace,
    n: int,
    settings: SamoCobraSettings,
    seed: int,
    pending: FloatArray | None = None,
) -> Proposals:
    """Propose points to evaluate next; the same arguments give the same points.

    Parameters
    ----------
    observations
        All evaluations so far.
    space
        Admissible points.
    n
        How many points.
    settings
        Settings of the search.
    seed
        Seed of the initial design and of the search.
    pending
        (p, n_columns) points under way: they count as evaluated, with their predictions as values.

    Returns
    -------
    n distinct points, none of them evaluated or pending; fewer if the space has no more.

    Raises
    ------
    SearchSpaceExhausted
        If it has none.
    """
    if n < 1:
        raise ValueError(f"cannot propose {n} points: ask for at least one")
    pending = np.empty((0, space.n_columns)) if pending is None else pending
    n_initial = settings.n_initial or space.n_columns + 1
    n_done = len(observations) + len(pending)
    rng = np.random.default_rng([seed, len(observations), len(pending)])
    seen = SeenPoints(space, scaled(np.concatenate([observations.columns, pending])))

    design = scaled(initial_design(space, n_initial, seed)[n_done:])
    designed = list(design[~seen.near(design)][:n])
    for point in designed:
        seen.add(point)
    if len(designed) == n or not observations.sufficient:
        filled = designed + _collect(partial(seen.any_free, rng), n - len(designed), designed)
        return Proposals(space.snap(unscaled(np.array(filled))), [None] * len(filled))

    fitted = fit_surrogates(observations, space, settings, n_initial)
    search = Search(space, fitted, seen, settings, rng, n_done + len(designed))
    search.add_predicted(np.concatenate([scaled(pending), *(point[None, :] for point in designed)]))
    found = _collect(search.next, n - len(designed), designed)
    columns = space.snap(unscaled(np.array(designed + found)))
    predicted = fitted.predict_by_every_model(scaled(columns[len(designed) :]))
    return Proposals(columns, [*[None] * len(designed), *predicted])


def _collect(find: Callable[[], FloatArray], n: int, before: list[FloatArray]) -> list[FloatArray]:
    """Collect up to n points; the end of the space is an error only if there is no point at all."""
    found: list[FloatArray] = []
    while len(found) < n:
        try:
            found.append(find())
        except SearchSpaceExhausted:
            if not before and not found:
                raise
            break
    return found
