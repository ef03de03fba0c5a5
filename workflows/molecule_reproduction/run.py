"""Run all rows, and render the page after each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import ValidationError

from analysis.reproduction.molecules.figures import TestSet
from analysis.reproduction.molecules.page import MoleculePage, write_page
from analysis.reproduction.molecules.published import (
    PublishedMolecules,
    load_published_molecules,
)
from analysis.reproduction.molecules.results import (
    MoleculeResults,
    Row,
    SeedScore,
    SystemFacts,
    row_of,
)
from cuprolith.arrays import FloatArray
from cuprolith.errors import CuprolithError
from cuprolith.progress import announce, progress_bar
from cuprolith.words import plural
from training.dataset.frames import Frame
from workflows.epoch_progress import EpochProgress
from workflows.inputs.training_file import TrainingFile
from workflows.molecule_reproduction.company import polynomial_row
from workflows.molecule_reproduction.data import (
    MoleculeData,
    distance_along,
    labelled_data,
    write_noisy,
)
from workflows.molecule_reproduction.scores import score_of, test_predictions
from workflows.molecule_reproduction.settings import (
    MoleculeRows,
    SystemSettings,
    TrainingRow,
    load_rows,
)
from workflows.training_runs import open_data, run_training, training_folder

ROWS_FILE = "reproduce.yaml"
PUBLISHED_FILE = "published.yaml"
_UNITS = {"energy_unit": "eV", "length_unit": "Angstrom"}  # stated, so that no test asks


@dataclass(frozen=True)
class MoleculeRequest:
    """What to run.

    Attributes
    ----------
    inputs
        Folder with `ROWS_FILE`, `PUBLISHED_FILE` and the campaigns.
    out
        Folder of data, trainings and the page.
    seeds
        Trainings of each row.
    systems
        Names; all by default.
    short
        Run the short form: fewer systems, seeds and epochs.
    """

    inputs: Path
    out: Path
    seeds: int = 5
    systems: tuple[str, ...] = ()
    short: bool = False


@dataclass(frozen=True)
class MoleculeSummary:
    """How far it is."""

    page: Path
    n_done: int
    n_runs: int
    failures: Sequence[str]

    def __str__(self) -> str:
        """Give counts and errors."""
        lines = [f"{self.n_done} of {plural(self.n_runs, 'training')} finished"]
        return "\n  ".join([*lines, *(f"not run: {failure}" for failure in self.failures)])


def reproduce_molecules(request: MoleculeRequest, command: str) -> MoleculeSummary:
    """Label, train, and render the page after every training; finished work is kept.

    A training that fails does not stop the rest.

    Raises
    ------
    CuprolithError
        If an input is missing or wrong, or labels are missing.
    """
    rows = load_rows(request.inputs / ROWS_FILE)
    _check_names(request.systems, rows)
    seeds, max_epochs = request.seeds, None
    systems = request.systems
    if request.short:
        seeds, max_epochs = rows.short.seeds, rows.short.max_epochs
        systems = systems or rows.short.systems
    run = _Reproduction(request, rows.only(systems), command, seeds, max_epochs)
    for system in run.rows.systems:
        announce(f"● {system.label}")
        folder = request.out / "data" / system.name
        run.data[system.name] = labelled_data(system, request.inputs, folder, rows.seed)
    run.fit_polynomials()
    summary = run.render()
    for _ in run.trainings():
        summary = run.render()
    return summary


def _check_names(names: Sequence[str], rows: MoleculeRows) -> None:
    known = [system.name for system in rows.systems]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CuprolithError(
            f"--only: unknown {', '.join(unknown)}", remedy=f"known are {', '.join(known)}"
        )


@dataclass
class _Reproduction:
    """State of one call."""

    request: MoleculeRequest
    rows: MoleculeRows
    command: str
    seeds: int
    max_epochs: int | None
    data: dict[str, MoleculeData] = field(default_factory=dict)
    polynomials: list[Row] = field(default_factory=list)
    scores: dict[str, list[SeedScore]] = field(default_factory=dict)
    n_parameters: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def fit_polynomials(self) -> None:
        self.polynomials = [
            polynomial_row(row, self.data[row.system]) for row in self.rows.polynomials
        ]

    def trainings(self) -> Iterator[None]:
        """Train what is not trained; first seeds first, so that all rows are there early."""
        for number in range(self.seeds):
            for row in self.rows.trainings:
                try:
                    self._train(row, self.rows.seed + number)
                except CuprolithError as error:
                    self.failures.append(f"{row.name}, seed {self.rows.seed + number}: {error}")
                yield

    def _train(self, row: TrainingRow, seed: int) -> None:
        data = self.data[row.system]
        write_noisy(data, row.noise, self.rows.seed)
        files = {name: str(path.resolve()) for name, path in data.files(row.noise).items()}
        weights = {"force_weight": 0.0} if row.labels == "E" else {}
        training = row.training.model_copy(update=weights)
        content: dict[str, Any] = {
            "name": row.name,
            "seed": seed,
            "data": {"source": "extxyz", **_UNITS, **files},
            "training": training.model_dump(),
        }
        file = TrainingFile.model_validate(content).limited(self.max_epochs, None)
        folder = self._folder(row, seed)
        source = open_data(file.data, Path())
        with progress_bar(f"{row.name}, seed {seed}", total=file.training.max_epochs) as bar:
            result = run_training(file, source, folder, seed, EpochProgress(bar)).result
        train, test = data.splits["train"], data.splits["test"]
        self.scores.setdefault(row.name, []).append(score_of(folder, result, train, test))
        self.n_parameters[row.name] = result.n_parameters

    def _folder(self, row: TrainingRow, seed: int) -> Path:
        return training_folder(self.request.out / "trainings" / row.name, seed)

    def render(self) -> MoleculeSummary:
        n_runs = len(self.rows.trainings) * self.seeds
        trained = [
            row_of(
                self.scores[row.name],
                system=row.system,
                model=row.model,
                optimizer=row.training.optimizer,
                labels=row.labels,
                noise=row.noise,
                n_parameters=self.n_parameters[row.name],
            )
            for row in self.rows.trainings
            if row.name in self.scores
        ]
        facts = tuple(_facts(system, self.data[system.name]) for system in self.rows.systems)
        page = MoleculePage(
            results=MoleculeResults(systems=facts, rows=(*trained, *self.polynomials)),
            published=_published(self.request.inputs / PUBLISHED_FILE),
            test_sets={system.name: self._test_set(system) for system in self.rows.systems},
            n_runs=n_runs,
            command=self.command,
            failures=self.failures,
        )
        n_done = sum(row.seeds for row in trained)
        return MoleculeSummary(write_page(page, self.request.out), n_done, n_runs, self.failures)

    def _test_set(self, system: SystemSettings) -> TestSet:
        frames = self.data[system.name].splits["test"]
        predicted = {}
        for row in self.rows.trainings:
            scores = self.scores.get(row.name)
            if row.system != system.name or row.noise or not scores:
                continue
            best = min(scores, key=lambda score: score.mse_energy_test)
            found = test_predictions(self._folder(row, best.seed))
            forces = found.forces_predicted.reshape(len(frames), -1, 3)
            name = f"{row.model}, {row.labels}, {row.training.optimizer}"
            along = _along(frames, forces, system)
            predicted[name] = (found.energy_predicted, along)
        labelled = np.array([frame.forces for frame in frames])
        return TestSet(
            coordinate=None
            if system.cut is None
            else np.array([distance_along(frame, system) for frame in frames]),
            energies=np.array([frame.energy for frame in frames]),
            forces=_along(frames, labelled, system),
            predicted=predicted,
        )


def _along(
    frames: Sequence[Frame], forces: FloatArray, system: SystemSettings
) -> FloatArray | None:
    """Return the component of the force on the second atom of a cut that lengthens it."""
    if system.cut is None:
        return None
    first, second = system.cut
    vectors = np.array([frame.positions[second] - frame.positions[first] for frame in frames])
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    along: FloatArray = (forces[:, second] * directions).sum(axis=1)
    return along


def _facts(system: SystemSettings, data: MoleculeData) -> SystemFacts:
    test = data.splits["test"]
    return SystemFacts(
        name=system.name,
        label=system.label,
        functional=test[0].functional,
        n_train=system.train,
        n_val=system.val,
        n_test=system.test,
        variance_energy=float(np.var([frame.energy for frame in test])),
        variance_forces=float(np.var([frame.forces for frame in test])),
    )


def _published(path: Path) -> PublishedMolecules:
    try:
        return load_published_molecules(path)
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise CuprolithError(f"not the published results: {error}", where=str(path)) from error
