"""BoTorch's constrained multi-objective optimisation, set up as in its own tutorial.

https://botorch.org/docs/tutorials/constrained_multi_objective_bo (fixed reference point, a list of
independent GPs, Sobol sampling, sequential greedy batches). Objectives and constraints are divided
by their spread first: hypervolumes of 10¹⁰ and constraints of 10⁵ would leave the smoothing and
the temperature of the constraints far from what BoTorch chose them for.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from .recorder import Recorder

if TYPE_CHECKING:
    import torch

N_SAMPLES = 128
N_RESTARTS = 10
N_RAW_SAMPLES = 512


def qlognehvi(recorder: Recorder, seed: int, batch: int) -> None:
    """Evaluate 2·(d + 1) Sobol points, then batches of greatest expected improvement."""
    import torch
    from botorch.utils.sampling import draw_sobol_samples

    torch.manual_seed(seed)
    problem = recorder.problem
    unit_box = torch.stack([torch.zeros(problem.n_variables), torch.ones(problem.n_variables)])
    unit_box = unit_box.double()
    n_initial = 2 * (problem.n_variables + 1)
    columns = draw_sobol_samples(unit_box, n=n_initial, q=1, seed=seed).squeeze(1)
    objectives, constraints = recorder.evaluate(problem.from_unit(columns.numpy()))
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            new = proposed(
                columns, objectives, constraints, problem.reference_point, batch, unit_box
            )
        results = recorder.evaluate(problem.from_unit(new.numpy()))
        columns = torch.cat([columns, new])
        objectives = np.vstack([objectives, results[0]])
        constraints = np.vstack([constraints, results[1]])


def proposed(
    columns: torch.Tensor,
    objectives: np.ndarray,
    constraints: np.ndarray,
    reference_point: np.ndarray,
    batch: int,
    unit_box: torch.Tensor,
) -> torch.Tensor:
    import torch
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from botorch.optim import optimize_acqf
    from botorch.sampling import SobolQMCNormalSampler
    from gpytorch.mlls import SumMarginalLogLikelihood

    n_objectives = objectives.shape[1]
    centre, spread = objectives.mean(axis=0), _spread(objectives)
    # BoTorch maximises the objectives; constraints stay feasible where at most 0.
    outcomes = torch.from_numpy(
        np.hstack([(centre - objectives) / spread, constraints / _spread(constraints)])
    )
    model = ModelListGP(*(SingleTaskGP(columns, column[:, None]) for column in outcomes.T))
    fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
    acquisition = qLogNoisyExpectedHypervolumeImprovement(
        model=model,
        ref_point=((centre - reference_point) / spread).tolist(),
        X_baseline=columns,
        sampler=SobolQMCNormalSampler(torch.Size([N_SAMPLES])),
        objective=IdentityMCMultiOutputObjective(outcomes=list(range(n_objectives))),
        constraints=[
            lambda samples, place=place: samples[..., place]
            for place in range(n_objectives, outcomes.shape[1])
        ],
        prune_baseline=True,
    )
    candidates, _ = optimize_acqf(
        acquisition,
        bounds=unit_box,
        q=batch,
        num_restarts=N_RESTARTS,
        raw_samples=N_RAW_SAMPLES,
        options={"batch_limit": 5, "maxiter": 200},
        sequential=True,
    )
    return candidates.detach()


def _spread(values: np.ndarray) -> np.ndarray:
    deviation = values.std(axis=0)
    return np.where(deviation > 0, deviation, 1.0)
