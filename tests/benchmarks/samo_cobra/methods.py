"""The methods compared: ours, and rivals that are imported only where they are installed.

Each takes a recorder, a seed and the number of points to propose at a time, and evaluates until the
recorder ends the run.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .pymoo_problem import pymoo_problem
from .qlognehvi import qlognehvi
from .recorder import Recorder

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

POPULATION_PER_VARIABLE = 5


@dataclass(frozen=True)
class Method:
    """A method, what it is in words, and the modules and distributions it needs."""

    label: str
    run: Callable[[Recorder, int, int], None]
    described: str
    modules: tuple[str, ...]
    distributions: tuple[str, ...]

    def missing(self) -> str | None:
        """Import what the method needs, so that runs do not time it; say what is not there."""
        for module in self.modules:
            try:
                importlib.import_module(module)
            except ModuleNotFoundError as error:
                return error.name
        return None


def _samo_cobra(recorder: Recorder, seed: int, batch: int) -> None:
    from tests.ask_and_tell import AskAndTell
    from training.optimization.parameters import FloatParameter
    from training.optimization.search_space import SearchSpace
    from training.optimization.settings import SamoCobraSettings

    problem = recorder.problem
    bounds = zip(problem.lower, problem.upper, strict=True)
    space = SearchSpace(
        {f"x{i}": FloatParameter(low=low, high=high) for i, (low, high) in enumerate(bounds)}
    )
    optimiser = AskAndTell(
        space,
        n_objectives=problem.n_objectives,
        n_constraints=problem.n_constraints,
        settings=SamoCobraSettings(reference_point=tuple(problem.reference_point)),
        seed=seed,
    )
    while True:
        proposals = optimiser.ask(batch)
        designs = np.array([list(proposal.parameters.values()) for proposal in proposals])
        results = recorder.evaluate(designs)
        for proposal, objectives, constraints in zip(proposals, *results, strict=True):
            optimiser.tell(proposal.number, objectives, constraints)


def _pymoo_nsga2(recorder: Recorder, seed: int, batch: int) -> None:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.optimize import minimize

    problem = recorder.problem
    population = POPULATION_PER_VARIABLE * problem.n_variables
    recorded = pymoo_problem(problem, recorder.evaluate)
    minimize(recorded, NSGA2(pop_size=population), ("n_gen", problem.budget), seed=seed)


def _gp_sampler(seed: int, n_variables: int) -> BaseSampler:
    from optuna.samplers import GPSampler

    return GPSampler(seed=seed, deterministic_objective=True)


def _tpe_sampler(seed: int, n_variables: int) -> BaseSampler:
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, multivariate=True, constant_liar=True)


def _nsga2_sampler(seed: int, n_variables: int) -> BaseSampler:
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler(seed=seed, population_size=POPULATION_PER_VARIABLE * n_variables)


def _tpe_default(seed: int, n_variables: int) -> BaseSampler:
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed)


def _random_sampler(seed: int, n_variables: int) -> BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


def _samo_cobra_default(seed: int, n_variables: int) -> BaseSampler:
    from training.optimization.optuna_sampler import SamoCobraSampler

    return SamoCobraSampler(seed=seed)


def _optuna(
    sampler: Callable[[int, int], BaseSampler], recorder: Recorder, seed: int, batch: int
) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    problem = recorder.problem
    distributions = {
        f"x{i}": optuna.distributions.FloatDistribution(low, high)
        for i, (low, high) in enumerate(zip(problem.lower, problem.upper, strict=True))
    }
    study = optuna.create_study(
        directions=["minimize"] * problem.n_objectives, sampler=sampler(seed, problem.n_variables)
    )
    while True:
        trials = [study.ask(distributions) for _ in range(batch)]
        designs = np.array([[trial.params[name] for name in distributions] for trial in trials])
        results = recorder.evaluate(designs)
        for trial, objectives, constraints in zip(trials, *results, strict=True):
            for number, value in enumerate(constraints):
                trial.set_constraint(f"c{number}", float(value))
            study.tell(trial, objectives.tolist())


METHODS = {
    "samo-cobra": Method(
        "ours",
        _samo_cobra,
        "SAMO-COBRA as built here, its defaults",
        ("training.optimization.samo_cobra", "training.optimization.search_space"),
        ("cuprolith", "scipy", "moocore"),
    ),
    "nsga2": Method(
        "pymoo NSGA-II",
        _pymoo_nsga2,
        "pymoo NSGA-II, population 5·d, its default operators",
        ("pymoo.algorithms.moo.nsga2", "pymoo.optimize"),
        ("pymoo",),
    ),
    "optuna-nsga2": Method(
        "Optuna NSGA-II",
        partial(_optuna, _nsga2_sampler),
        "Optuna NSGAIISampler, population 5·d",
        ("optuna",),
        ("optuna",),
    ),
    "tpe": Method(
        "Optuna TPE",
        partial(_optuna, _tpe_sampler),
        "Optuna TPESampler, multivariate, constant liar",
        ("optuna",),
        ("optuna",),
    ),
    "samo-cobra-default": Method(
        "SAMO-COBRA",
        partial(_optuna, _samo_cobra_default),
        "SamoCobraSampler(): no reference point, no search space given",
        ("optuna", "training.optimization.optuna_sampler"),
        ("cuprolith", "optuna", "scipy", "moocore"),
    ),
    "tpe-default": Method(
        "TPE", partial(_optuna, _tpe_default), "Optuna TPESampler()", ("optuna",), ("optuna",)
    ),
    "random": Method(
        "random",
        partial(_optuna, _random_sampler),
        "Optuna RandomSampler()",
        ("optuna",),
        ("optuna",),
    ),
    "gpsampler": Method(
        "Optuna GPSampler",
        partial(_optuna, _gp_sampler),
        "Optuna GPSampler, deterministic objective",
        ("optuna", "torch", "scipy.optimize", "optuna._gp.acqf", "optuna._gp.gp"),
        ("optuna", "torch", "scipy"),
    ),
    "qlognehvi": Method(
        "BoTorch qLogNEHVI",
        qlognehvi,
        "BoTorch qLogNoisyExpectedHypervolumeImprovement, one GP per objective and constraint, "
        "2·(d + 1) Sobol points, 128 Sobol samples, 10 restarts from 512",
        ("botorch.acquisition.multi_objective.logei", "botorch.optim", "botorch.models"),
        ("botorch", "gpytorch", "torch"),
    ),
}
