"""Define the study of a training file or of a campaign."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from analysis.tuning.trials import Study
from cuprolith.errors import CuprolithError
from cuprolith.hashes import sha256
from cuprolith.progress import announce
from training.optimization.parameters import Parameter
from training.settings import TrainingSettings
from training.source import SourceSettings
from training.sources.dataset import DatasetSourceSettings
from training.tuning.search_spaces import SearchSpaceError, check_study, search_space
from training.tuning.settings import TuningSettings
from workflows.inputs.campaign import Campaign
from workflows.inputs.training_file import TrainingFile
from workflows.training_runs import explained, open_data, training_folder
from workflows.tuning.study import begin_study
from workflows.tuning.warm_start import WarmStart, warm_start
from workflows.workdir import Workdir

_PACKAGES = ("cuprolith", "optuna", "moocore", "torch", "nequip", "nequip-allegro")


@dataclass(frozen=True)
class Budget:
    """Numbers of the command line that replace those of the file, except where None."""

    generations: int | None = None
    offspring: int | None = None
    workers: int | None = None

    def apply_to(self, tuning: TuningSettings) -> TuningSettings:
        """Return settings with this budget.

        Raises
        ------
        CuprolithError
            If a number is not allowed.
        """
        given = {name: number for name, number in vars(self).items() if number is not None}
        try:
            return TuningSettings.model_validate(tuning.model_dump() | given)
        except ValidationError as error:
            problem = error.errors()[0]
            raise CuprolithError(
                f"--{problem['loc'][0]} {problem['input']}: {problem['msg']}",
                remedy="generations, offspring and workers are whole numbers from 1",
            ) from None


@dataclass(frozen=True)
class StudyRequest:
    """Everything that defines a study, and its folder."""

    name: str
    dataset: str
    seed: int
    data: SourceSettings
    data_root: Path
    training: TrainingSettings
    tuning: TuningSettings
    folder: Path

    @classmethod
    def from_training_file(
        cls, file: TrainingFile, data_root: Path, root: Path, seed: int | None
    ) -> StudyRequest:
        """Return the study of a training file, in a folder of its seed in `root`.

        Raises
        ------
        CuprolithError
            If the file has no section ``tuning``.
        """
        chosen = file.seed if seed is None else seed
        return cls(
            name=file.name,
            dataset=file.data.dataset_name,
            seed=chosen,
            data=file.data,
            data_root=data_root,
            training=file.training,
            tuning=_section(file.tuning, "the training file"),
            folder=training_folder(root, chosen),
        )

    @classmethod
    def from_campaign(cls, campaign: Campaign, workdir: Workdir) -> StudyRequest:
        """Return the study of a campaign, on the dataset that its workdir has or will have.

        Raises
        ------
        CuprolithError
            If the campaign has no section ``tuning``.
        """
        return cls(
            name=f"{campaign.name}-{campaign.training.variant}",
            dataset=campaign.name,
            seed=campaign.seed,
            data=DatasetSourceSettings(directory=workdir.dataset.relative_to(workdir.root)),
            data_root=workdir.root,
            training=campaign.training,
            tuning=_section(campaign.tuning, "the campaign"),
            folder=workdir.study(campaign.training.variant),
        )

    @classmethod
    def from_workdir(cls, workdir: Workdir) -> StudyRequest:
        """Return the study of the campaign in a workdir.

        Raises
        ------
        CuprolithError
            If the campaign has no section ``tuning``, or there is no dataset yet.
        """
        request = cls.from_campaign(workdir.campaign(), workdir)
        workdir.require(workdir.dataset_card, "collect")
        return request

    @property
    def search_space(self) -> dict[str, Parameter]:
        """Hyper-parameters that are searched, by dotted name."""
        return search_space(self.training.variant, self.tuning)

    @property
    def warm_start(self) -> WarmStart:
        """Points to try first.

        Raises
        ------
        CuprolithError
            If a file cannot be read.
        """
        return warm_start(self.tuning.warm_start, self.search_space)

    def with_budget(self, budget: Budget) -> StudyRequest:
        """Return a copy with another budget."""
        return replace(self, tuning=budget.apply_to(self.tuning))

    def study(self, warm_start: tuple[dict[str, Any], ...] = ()) -> Study:
        """Define the study; nothing is written.

        Parameters
        ----------
        warm_start
            Points of other studies to try first.

        Raises
        ------
        CuprolithError
            If the data is missing, or the study cannot work.
        """
        source = open_data(self.data, self.data_root)
        try:
            check_study(self.training, self.tuning, has_forces=source.has_forces)
        except SearchSpaceError as error:
            raise CuprolithError(str(error), key="tuning") from error
        with explained(f"data: {self.data_root / self.data.place}"):
            dataset_hashes = source.verified_hashes(stress=self.training.stress_weight > 0)
        return Study(
            name=self.name,
            variant=self.training.variant,
            dataset=self.dataset,
            seed=self.seed,
            hash=self._hash(dataset_hashes),
            data=self.data,
            data_root=os.path.relpath(self.data_root.resolve(), self.folder.resolve()),
            symbols=source.symbols,
            has_forces=source.has_forces,
            search_space=self.search_space,
            training=self.training,
            tuning=self.tuning,
            warm_start=warm_start,
            versions={package: metadata.version(package) for package in _PACKAGES},
        )

    def begin(self) -> Study:
        """Begin or continue the study in its folder, and announce which points are left out.

        Raises
        ------
        CuprolithError
            If the data is missing, the study cannot work, or the folder holds something else.
        """
        start = self.warm_start
        study = self.study(start.points)
        moved = begin_study(study, self.folder)
        for text in start.left_out:
            announce(f"  warm start leaves out {text}")
        if moved is not None:
            announce(f"  another study was there: it is moved to {moved}")
        return study

    def _hash(self, dataset_hashes: Any) -> str:
        """Hash everything that decides the trials of a study, but not its budget."""
        space = self.search_space
        content = {
            "seed": self.seed,
            "training": self.training.model_dump(mode="json", exclude={"num_workers"}),
            "search_space": {name: space[name].model_dump(mode="json") for name in sorted(space)},
            "tuning": self.tuning.model_dump(
                mode="json", include={"inference", "limits", "reference_point"}
            ),
            "dataset": dataset_hashes,
        }
        return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")))


def _section(tuning: TuningSettings | None, what: str) -> TuningSettings:
    if tuning is None:
        raise CuprolithError(
            f"{what} has no section `tuning`",
            remedy="add one: `tuning: {}` takes the paper's search space and budget; see "
            "docs/how_to/tuning.md",
        )
    return tuning
