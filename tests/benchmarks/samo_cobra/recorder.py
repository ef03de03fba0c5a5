"""What one run of one method evaluated: hypervolume, feasibility and processor time after each."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from moocore import hypervolume, is_nondominated

from .problems import Problem


class RunEnded(Exception):  # noqa: N818 - no error: it unwinds whatever loop the method runs
    """The evaluations or the processor time of a run are spent."""


@dataclass
class Recorder:
    """Evaluates a problem for a method that may ask for ever, and ends the run when it is due.

    Processor time is counted from the construction; the evaluations themselves take none to speak
    of.
    """

    problem: Problem
    cap_seconds: float
    objectives: list[np.ndarray] = field(default_factory=list)
    constraints: list[np.ndarray] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    started: float = field(default_factory=time.process_time)

    def evaluate(self, designs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return objectives (n, m) and constraints (n, c) of ``designs`` (n, d).

        Raises ``RunEnded`` once the last evaluation of the budget, or the first beyond the time,
        has been recorded.
        """
        spent = time.process_time() - self.started
        n_left = self.problem.budget - len(self.objectives)
        objectives, constraints = self.problem.evaluate(designs[:n_left])
        self.objectives += list(objectives)
        self.constraints += list(constraints)
        self.cpu_seconds += [spent] * len(objectives)
        if len(designs) >= n_left or spent > self.cap_seconds:
            raise RunEnded
        return objectives, constraints

    @property
    def capped(self) -> bool:
        """Whether the time ended before the evaluations did."""
        return len(self.objectives) < self.problem.budget

    def feasible(self) -> np.ndarray:
        """Whether each evaluation met every constraint, (n,)."""
        return np.all(np.array(self.constraints) <= 0, axis=1)

    def hypervolumes(self) -> list[float]:
        """Hypervolume of the feasible points after every evaluation."""
        reference = self.problem.reference_point
        front = np.empty((0, len(reference)))
        values: list[float] = []
        for objectives, feasible in zip(self.objectives, self.feasible(), strict=True):
            if feasible and not np.any(np.all(front <= objectives, axis=1)):
                front = np.vstack([front, objectives])
                front = front[is_nondominated(front)]
                values.append(float(hypervolume(front, ref=reference)))
            else:
                values.append(values[-1] if values else 0.0)
        return values
