"""Run methods on problems: ``python -m tests.benchmarks.samo_cobra.run --out DIR``.

One JSON file per method, problem, batch and seed; what is there already is not run again, so the
same command continues after a stop.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import platform
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from .methods import METHODS
from .problems import PROBLEMS as PUBLISHED
from .problems import Problem
from .recorder import Recorder, RunEnded
from .single import SINGLE

PROBLEMS = {**PUBLISHED, **SINGLE}
SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Task:
    """One run to do, and the file that holds it when done."""

    method: str
    problem: str
    batch: int
    seed: int
    cap_seconds: float
    folder: Path
    evaluations: int | None = None

    @property
    def path(self) -> Path:
        return self.folder / f"{self.method}-{self.problem}-batch{self.batch}-seed{self.seed}.json"

    @property
    def asked(self) -> Problem:
        """The problem with the budget of this run."""
        return replace(PROBLEMS[self.problem], evaluations=self.evaluations)

    @property
    def done(self) -> bool:
        """Whether there is a record of a run with that budget or more."""
        if not self.path.exists():
            return False
        return int(json.loads(self.path.read_text())["budget"]) >= self.asked.budget


def run(task: Task) -> dict:
    """Run one method on one problem; write and return the record."""
    method, problem = METHODS[task.method], task.asked
    method.missing()
    recorder = Recorder(problem, task.cap_seconds)
    with contextlib.suppress(RunEnded):
        method.run(recorder, task.seed, task.batch)
    record = {
        "method": task.method,
        "described": method.described,
        "problem": task.problem,
        "batch": task.batch,
        "seed": task.seed,
        "budget": problem.budget,
        "capped": recorder.capped,
        "cap_seconds": task.cap_seconds,
        "hypervolume": recorder.hypervolumes(),
        "feasible": recorder.feasible().tolist(),
        "cpu_seconds": [round(seconds, 4) for seconds in recorder.cpu_seconds],
        "versions": {name: metadata.version(name) for name in (*method.distributions, "numpy")},
        "python": platform.python_version(),
    }
    part = task.path.with_suffix(".part")
    part.write_text(json.dumps(record))
    part.replace(task.path)
    return record


def tasks(arguments: argparse.Namespace) -> Iterator[Task]:
    """All runs, few variables first, so that a stop leaves the most behind."""
    problems = sorted(arguments.problems, key=lambda name: PROBLEMS[name].n_variables)
    for seed in range(arguments.seeds):
        for problem in problems:
            for method in arguments.methods:
                yield Task(
                    method,
                    problem,
                    arguments.batch,
                    seed,
                    arguments.cap_seconds,
                    arguments.out,
                    arguments.evaluations,
                )


def main() -> int:
    """Run what is missing; 1 where a method is not installed or a run failed."""
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in SINGLE_THREADED:  # before the workers start and load their libraries
        os.environ[name] = "1"
    failed = [name for name in arguments.methods if _says_missing(name)]
    arguments.methods = [name for name in arguments.methods if name not in failed]
    waiting = [task for task in tasks(arguments) if not task.done]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(arguments.jobs, context) as pool:
        futures = {pool.submit(run, task): task for task in waiting}
        for future in as_completed(futures):
            task = futures[future]
            if error := future.exception():
                failed.append(task.path.name)
                print(f"{task.path.stem}: {type(error).__name__}: {error}", flush=True)
                continue
            record = future.result()
            print(
                f"{task.path.stem}: hypervolume {record['hypervolume'][-1]:.6g} after "
                f"{len(record['hypervolume'])} of {record['budget']} evaluations, "
                f"{record['cpu_seconds'][-1]:.1f} s",
                flush=True,
            )
    return 1 if failed else 0


def _says_missing(name: str) -> bool:
    module = METHODS[name].missing()
    if module:
        print(f"{name} left out: {module} is not installed", flush=True)
    return module is not None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m " + __spec__.name)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=["samo-cobra"])
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PUBLISHED))
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds, from 0")
    parser.add_argument("--batch", type=int, default=1, help="points proposed at a time")
    parser.add_argument("--evaluations", type=int, help="budget of every run; 40·d by default")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, one thread each")
    parser.add_argument(
        "--cap-seconds", type=float, default=1200.0, help="processor time after which a run ends"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the records")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
