"""Time and memory of proposing 12 points of a study as in the paper, against GP-based peers.

``pytest tests/benchmarks/test_bench_samo_cobra.py --benchmark-enable`` measures after 100, 400 and
1,200 evaluations of the nine mixed parameters of Allegro+QDI, with two objectives and a constraint,
and Optuna's GPSampler and BoTorch (where installed) after 100; without the option the same code
runs once after a few. How good the proposals are is another matter: `samo_cobra/run.py`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from fresh_process import peak_beyond, printed_number

from training.optimization.observations import Observations
from training.optimization.parameters import FloatParameter, IntParameter, OrdinalParameter
from training.optimization.samo_cobra import propose
from training.optimization.search_space import SearchSpace
from training.optimization.settings import SamoCobraSettings
from training.variant import VARIANTS

BATCH = 12
SETTINGS = SamoCobraSettings(reference_point=(2.0, 6.0))


@cache
def space() -> SearchSpace:
    return SearchSpace(dict(VARIANTS["allegro-qdi"].search_space))


def study(n_evaluations: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns (n, 9), objectives (n, 2) and constraints (n, 1) of a made-up study.

    The error falls and the time rises with size, both with noise and a part of the trainings that
    needs too much memory, as real ones do.
    """
    rng = np.random.default_rng(0)
    columns = space().snap(rng.random((n_evaluations, space().n_columns)))
    size = columns[:, [0, 4, 5]].mean(axis=1)
    detour = np.sum((columns[:, [1, 2, 3]] - 0.4) ** 2, axis=1)
    noise = rng.normal(scale=0.02, size=(2, n_evaluations))
    error = np.exp(-2 * size) + detour + noise[0]
    seconds = np.exp(1.5 * size) * (1 + 0.2 * columns[:, 6:].sum(axis=1)) * (1 + noise[1])
    return columns, np.stack([error, seconds], axis=1), (seconds - 4.0)[:, None]


def observations(n_evaluations: int) -> Observations:
    """The study with a prediction of every evaluation, near what came out."""
    columns, objectives, constraints = study(n_evaluations)
    blank = Observations(columns, objectives, constraints, [None] * n_evaluations)
    (prediction,) = propose(blank, space(), 1, SETTINGS, 0).predictions
    outcomes = np.hstack([objectives, constraints])
    rng = np.random.default_rng(1)
    shape = (n_evaluations, len(prediction), outcomes.shape[1])
    predictions = outcomes[:, None] + rng.normal(scale=0.05, size=shape)
    return Observations(columns, objectives, constraints, list(predictions))


def propose_ours(given: Observations) -> np.ndarray:
    return propose(given, space(), BATCH, SETTINGS, 0).columns


def propose_gpsampler(n_evaluations: int, n_points: int) -> list[dict]:
    """Points from Optuna's GPSampler, asked one after the other as a batch."""
    import optuna
    from optuna.distributions import FloatDistribution, IntDistribution

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    columns, objectives, constraints = study(n_evaluations)
    kinds = {FloatParameter: FloatDistribution, IntParameter: IntDistribution}
    # Ordinals by rank: as Optuna's categoricals they would cost its GP more.
    ranks = {
        name: parameter.values
        for name, parameter in space().parameters.items()
        if isinstance(parameter, OrdinalParameter)
    }
    distributions = {
        name: IntDistribution(0, len(parameter.values) - 1)
        if isinstance(parameter, OrdinalParameter)
        else kinds[type(parameter)](parameter.low, parameter.high, log=parameter.log)
        for name, parameter in space().parameters.items()
    }
    sampler = optuna.samplers.GPSampler(seed=0)
    peer = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    for parameters, values, limits in zip(
        space().decode(columns), objectives, constraints, strict=True
    ):
        peer.add_trial(
            optuna.trial.create_trial(
                values=values.tolist(),
                params={
                    name: ranks[name].index(value) if name in ranks else value
                    for name, value in parameters.items()
                },
                distributions=distributions,
                constraints={"memory": float(limits[0])},
            )
        )
    return [peer.ask(distributions).params for _ in range(n_points)]


def propose_qlognehvi(n_evaluations: int, n_points: int) -> np.ndarray:
    """Points from BoTorch, all columns taken as continuous."""
    import torch
    from samo_cobra.qlognehvi import proposed

    columns, objectives, constraints = study(n_evaluations)
    box = torch.tensor([[0.0], [1.0]], dtype=torch.float64).expand(2, space().n_columns)
    reference = np.array(SETTINGS.reference_point)
    return proposed(torch.from_numpy(columns), objectives, constraints, reference, n_points, box)


def memory_of_a_proposal(n_evaluations: int) -> float:
    """Peak memory of proposing a batch beyond that before it, MB."""
    given = observations(n_evaluations)
    return peak_beyond(lambda: propose_ours(given))


def peak_mb(n_evaluations: int) -> float:
    script = (
        "import sys, test_bench_samo_cobra as bench\n"
        "print(bench.memory_of_a_proposal(int(sys.argv[1])))"
    )
    return round(printed_number(script, n_evaluations), 1)


@pytest.mark.parametrize("size", [100, 400, 1200])
@pytest.mark.benchmark(group="propose 12 of 9 parameters")
def test_propose(benchmark, measuring, size):
    given = observations(size if measuring else 30)
    columns = benchmark.pedantic(propose_ours, (given,), rounds=3 if measuring else 1)
    assert columns.shape == (BATCH, space().n_columns)
    assert len(np.unique(columns, axis=0)) == BATCH
    np.testing.assert_allclose(space().snap(columns), columns, atol=1e-12)
    if measuring:
        benchmark.extra_info["peak_mb"] = peak_mb(size)
        benchmark.extra_info["ms_per_point"] = round(1000 * benchmark.stats["mean"] / BATCH, 1)


@pytest.mark.parametrize(
    ("propose_peer", "package"),
    [(propose_gpsampler, "optuna"), (propose_qlognehvi, "botorch")],
)
@pytest.mark.benchmark(group="propose 12 of 9 parameters")
def test_peers_after_100_evaluations(benchmark, measuring, propose_peer, package):
    pytest.importorskip(package)
    n_evaluations, n_points = (100, BATCH) if measuring else (12, 1)
    points = benchmark.pedantic(propose_peer, (n_evaluations, n_points), rounds=1)
    assert len(points) == n_points
