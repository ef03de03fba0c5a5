"""``molecules.json``: every row of the tables, with the spread over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Literal

from pydantic import BaseModel, ConfigDict

from cuprolith.json_files import write_atomically

Labels = Literal["E", "E+F"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class SeedScore(_Model):
    """What one training reached.

    Attributes
    ----------
    mse_energy_train, mse_energy_test
        Mean squared errors of energies, eV².
    mse_forces_train, mse_forces_test
        Mean squared errors of force components, all atoms, eV²/Å².
    seconds
        Of the training.
    nve_drift
        Slope of the total energy over 200 steps of NVE dynamics, meV/atom/ps; None if not run.
    """

    seed: int
    mse_energy_train: float
    mse_energy_test: float
    mse_forces_train: float
    mse_forces_test: float
    seconds: float
    nve_drift: float | None = None


class Row(_Model):
    """A row of the tables: one model of one system, over seeds.

    Attributes
    ----------
    labels
        What it was trained on: energies, or energies and forces.
    noise
        Standard deviation of what was added to the energies of train and val, eV.
    n_parameters
        Trainable weights, or coefficients.
    seeds
        Number of trainings.
    mse_energy_train, mse_energy_test, mse_forces_train, mse_forces_test, seconds, nve_drift
        Means of `scores`.
    mse_energy_test_std, mse_forces_test_std
        Sample standard deviations; None of one seed.
    """

    system: str
    model: str
    optimizer: str
    labels: Labels
    noise: float
    n_parameters: int
    seeds: int
    mse_energy_train: float
    mse_energy_test: float
    mse_energy_test_std: float | None
    mse_forces_train: float
    mse_forces_test: float
    mse_forces_test_std: float | None
    seconds: float
    nve_drift: float | None
    scores: tuple[SeedScore, ...]


class SystemFacts(_Model):
    """The data of one system.

    Attributes
    ----------
    functional
        What computed the labels.
    n_train, n_val, n_test
        Frames; val chooses the best iteration.
    variance_energy, variance_forces
        Of the test labels: what a constant would have as error, eV² and eV²/Å².
    """

    name: str
    label: str
    functional: str
    n_train: int
    n_val: int
    n_test: int
    variance_energy: float
    variance_forces: float


class MoleculeResults(_Model):
    """All that was run."""

    systems: tuple[SystemFacts, ...]
    rows: tuple[Row, ...]

    def of(self, system: str, noise: float = 0.0) -> list[Row]:
        """Return the rows of one system at one noise."""
        return [row for row in self.rows if row.system == system and row.noise == noise]

    def write(self, path: Path) -> None:
        """Write as JSON, atomically."""
        write_atomically(path, [self.model_dump_json(indent=1), "\n"])


def row_of(
    scores: Sequence[SeedScore],
    *,
    system: str,
    model: str,
    optimizer: str,
    labels: Labels,
    noise: float,
    n_parameters: int,
) -> Row:
    """Summarise the trainings of one row; at least one."""
    drifts = [score.nve_drift for score in scores if score.nve_drift is not None]
    return Row(
        system=system,
        model=model,
        optimizer=optimizer,
        labels=labels,
        noise=noise,
        n_parameters=n_parameters,
        seeds=len(scores),
        mse_energy_train=mean(score.mse_energy_train for score in scores),
        mse_energy_test=mean(score.mse_energy_test for score in scores),
        mse_energy_test_std=_spread([score.mse_energy_test for score in scores]),
        mse_forces_train=mean(score.mse_forces_train for score in scores),
        mse_forces_test=mean(score.mse_forces_test for score in scores),
        mse_forces_test_std=_spread([score.mse_forces_test for score in scores]),
        seconds=mean(score.seconds for score in scores),
        nve_drift=mean(drifts) if drifts else None,
        scores=tuple(scores),
    )


def _spread(values: Sequence[float]) -> float | None:
    return stdev(values) if len(values) > 1 else None
