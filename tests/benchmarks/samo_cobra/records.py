"""The records of many runs, grouped by method, problem and batch."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

OURS = "samo-cobra"


@dataclass(frozen=True)
class Group:
    """The runs of one method on one problem with one batch size, one per seed."""

    runs: list[dict]

    @property
    def n_seeds(self) -> int:
        return len(self.runs)

    @property
    def n_evaluations(self) -> int:
        """How many evaluations every run reached."""
        return min(len(run["hypervolume"]) for run in self.runs)

    @property
    def capped(self) -> bool:
        return any(run["capped"] for run in self.runs)

    def hypervolumes(self) -> np.ndarray:
        """Hypervolume (seeds, evaluations) as far as every run reached."""
        return np.array([run["hypervolume"][: self.n_evaluations] for run in self.runs])

    def mean(self, n_evaluations: int | None = None) -> float:
        """Mean hypervolume after so many evaluations; all by default."""
        return float(self.hypervolumes()[:, (n_evaluations or 0) - 1].mean())

    @property
    def sd(self) -> float:
        return float(self.hypervolumes()[:, -1].std(ddof=1)) if self.n_seeds > 1 else 0.0

    @property
    def feasible_share(self) -> float:
        return float(np.mean([np.mean(run["feasible"]) for run in self.runs]))

    @property
    def cpu_per_evaluation(self) -> float:
        """Processor time in seconds per evaluation, mean over runs."""
        return float(
            np.mean([run["cpu_seconds"][-1] / len(run["cpu_seconds"]) for run in self.runs])
        )


class Records:
    """Groups by method, problem and batch; `get` is None where nothing was run."""

    def __init__(self, runs: Iterable[dict]) -> None:
        grouped: dict[tuple[str, str, int], list[dict]] = defaultdict(list)
        for run in runs:
            grouped[run["method"], run["problem"], run["batch"]].append(run)
        self._groups = {
            key: Group(sorted(members, key=lambda run: run["seed"]))
            for key, members in grouped.items()
        }

    def get(self, method: str, problem: str, batch: int = 1) -> Group | None:
        return self._groups.get((method, problem, batch))

    def methods(self) -> set[str]:
        return {method for method, _, _ in self._groups}

    def all_runs(self) -> list[dict]:
        return [run for _, group in sorted(self._groups.items()) for run in group.runs]


def load(folder: Path) -> Records:
    """Read every record in a folder."""
    return Records(json.loads(path.read_text()) for path in sorted(folder.glob("*.json")))
