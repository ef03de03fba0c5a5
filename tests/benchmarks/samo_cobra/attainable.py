"""How much hypervolume a problem has: ``python -m tests.benchmarks.samo_cobra.attainable``.

pymoo's NSGA-II, all non-dominated points it ever saw, and a gradient-based search from these for
the least first objective at given others. What it prints stands in `problems.ATTAINABLE`, where it
scales the convergence figure.
"""

from __future__ import annotations

import argparse

import numpy as np
from moocore import hypervolume, is_nondominated

from .problems import PROBLEMS, Problem
from .pymoo_problem import pymoo_problem

POPULATION = 300
GENERATIONS = 400
N_POLISHED = 300


def attainable(problem: Problem, seed: int = 0) -> float:
    """Hypervolume of the best front found."""
    designs = searched(problem, seed)
    rng = np.random.default_rng(seed)
    objectives = problem.evaluate(designs)[0]
    spread = np.linspace(0, len(designs) - 1, N_POLISHED).astype(int)
    spread = np.argsort(objectives[:, -1])[spread]
    targets = objectives[spread, 1:]
    starts = [spread, rng.integers(len(designs), size=N_POLISHED)]  # others leave a local front
    found = [
        polished(problem, designs[start], target)
        for places in starts
        for start, target in zip(places, targets, strict=True)
    ]
    if problem.n_objectives == 2:  # beyond both ends of what NSGA-II found
        lowest, highest = targets[0] - 0.2 * np.ptp(targets), problem.reference_point[1:]
        beyond = lowest + (highest - lowest) * np.linspace(0, 1, N_POLISHED)[:, None] ** 3
        places = rng.integers(len(designs), size=N_POLISHED)
        found += [
            polished(problem, designs[start], target)
            for start, target in zip(places, beyond, strict=True)
        ]
    front = front_of(problem, np.vstack([designs, *found]))
    return hypervolume(problem.evaluate(front)[0], ref=problem.reference_point)


def front_of(problem: Problem, designs: np.ndarray) -> np.ndarray:
    """The feasible designs that no other dominates."""
    objectives, constraints = problem.evaluate(designs)
    feasible = np.all(constraints <= 0, axis=1)
    return designs[feasible][is_nondominated(objectives[feasible])]


def searched(problem: Problem, seed: int) -> np.ndarray:
    """The non-dominated designs among all that NSGA-II evaluated."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.optimize import minimize

    seen: list[np.ndarray] = []

    def kept(designs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen.append(designs)
        if len(seen) > 20:
            seen[:] = [front_of(problem, np.vstack(seen))]
        return problem.evaluate(designs)

    algorithm = NSGA2(pop_size=POPULATION)
    minimize(pymoo_problem(problem, kept), algorithm, ("n_gen", GENERATIONS), seed=seed)
    return front_of(problem, np.vstack(seen))


def polished(problem: Problem, design: np.ndarray, others: np.ndarray) -> np.ndarray:
    """A design of least first objective whose other objectives are at most as given."""
    from scipy.optimize import minimize

    width = problem.upper - problem.lower
    first_scale = max(abs(problem.evaluate(design[None])[0][0, 0]), 1e-9)
    scales = np.maximum(np.abs(problem.evaluate(design[None])[1][0]), 1.0)

    def at(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        objectives, constraints = problem.evaluate(problem.from_unit(columns[None]))
        return objectives[0], constraints[0]

    def slack(columns: np.ndarray) -> np.ndarray:
        objectives, constraints = at(columns)
        excess = (objectives[1:] - others) / np.maximum(np.abs(others), 1e-9)
        # A little inside, so that what the search calls feasible is so.
        return -np.concatenate([excess, constraints / scales + 1e-9])

    done = minimize(
        lambda columns: at(columns)[0][0] / first_scale,
        (design - problem.lower) / width,
        bounds=[(0.0, 1.0)] * problem.n_variables,
        constraints={"type": "ineq", "fun": slack},
        method="SLSQP",
        options={"maxiter": 100, "ftol": 1e-10},
    )
    return problem.from_unit(np.clip(done.x, 0.0, 1.0))[None]


def main() -> None:
    """Print the hypervolume of each problem."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m " + __spec__.name)
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    for name in parser.parse_args().problems:
        print(f'"{name}": {attainable(PROBLEMS[name]):.7g},', flush=True)


if __name__ == "__main__":
    main()
