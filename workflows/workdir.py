"""The working directory of a campaign: where each stage's files lie."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.staged_file import StagedFile
from workflows.environment import describe_environment
from workflows.errors import CuprolithError

if TYPE_CHECKING:
    from workflows.campaign import Campaign


@dataclass(frozen=True)
class Workdir:
    """Paths of a campaign's files, one property per thing."""

    root: Path

    @property
    def campaign_yaml(self) -> Path:
        """Frozen campaign, defaults written out."""
        return self.root / "campaign.yaml"

    @property
    def environment_json(self) -> Path:
        """Versions and machine of the first run."""
        return self.root / "environment.json"

    @property
    def crystals(self) -> Path:
        """Copies of the campaign's crystal files."""
        return self.root / "crystals"

    @property
    def structures_xyz(self) -> Path:
        """Candidates, extended XYZ."""
        return self.root / "structures" / "structures.extxyz"

    @property
    def structures_json(self) -> Path:
        """Candidates' provenance."""
        return self.root / "structures" / "structures.json"

    @property
    def overview_json(self) -> Path:
        """Counts and costs of the candidates."""
        return self.root / "structures" / "overview.json"

    @property
    def lattice_constants_json(self) -> Path:
        """Crystals relaxed with the engine."""
        return self.root / "structures" / "lattice_constants.json"

    @property
    def runs(self) -> Path:
        """Folder where engines that write files run; each run has a folder of its own in it."""
        return self.root / "labels" / "runs"

    @property
    def label_store(self) -> Path:
        """Job store of all runs (SQLite)."""
        return self.root / "labels" / "labels.sqlite"

    @property
    def label_log(self) -> Path:
        """One line per job event."""
        return self.root / "labels" / "log.jsonl"

    @property
    def labels_json(self) -> Path:
        """Summary of all label runs."""
        return self.root / "labels" / "labels.json"

    @property
    def dataset(self) -> Path:
        """Folder of the dataset."""
        return self.root / "dataset"

    @property
    def dataset_card(self) -> Path:
        """Card of the dataset."""
        return self.dataset / "dataset.json"

    def training(self, variant: str) -> Path:
        """Folder of one variant's training."""
        return self.root / "training" / variant

    @property
    def training_result(self) -> Path:
        """Result of the campaign's training."""
        return self.training(self.campaign().training.variant) / "result.json"

    def study(self, variant: str) -> Path:
        """Folder of the study of one variant."""
        return self.root / "tuning" / variant

    @property
    def report_html(self) -> Path:
        """The report."""
        return self.root / "report" / "index.html"

    @property
    def timings_json(self) -> Path:
        """Seconds of each stage."""
        return self.root / "timings.json"

    def campaign(self) -> Campaign:
        """Load the frozen campaign.

        Raises
        ------
        CuprolithError
            If the workdir holds none.
        """
        if not self.campaign_yaml.is_file():
            raise CuprolithError(
                "no campaign here",
                where=str(self.root),
                remedy="give the campaign file: cuprolith generate CAMPAIGN.yaml --workdir "
                f"{self.root}",
            )
        from workflows.campaign import load_campaign

        return load_campaign(self.campaign_yaml)

    def freeze(self, campaign: Campaign, *, update: bool = False) -> Campaign:
        """Write the campaign and its environment, or check that they are the ones here.

        Parameters
        ----------
        update
            Accept a campaign that differs from the frozen one. Finished labels that it still
            asks for are kept.

        Raises
        ------
        CuprolithError
            If another campaign is frozen here and `update` is False.
        """
        from workflows.campaign import campaign_differences

        campaign = self._with_crystal_copies(campaign)
        if self.campaign_yaml.is_file():
            differences = campaign_differences(self.campaign(), self._absolute(campaign))
            if not differences:
                return self._with_environment()
            if not update:
                raise CuprolithError(
                    "the workdir holds another campaign; it differs in\n    "
                    + "\n    ".join(differences),
                    where=str(self.campaign_yaml),
                    remedy="use another --workdir, or --update to go on here with the new "
                    "settings (finished labels that still fit are kept)",
                )
        self.root.mkdir(parents=True, exist_ok=True)
        write_atomically(self.campaign_yaml, [campaign.to_yaml()])
        return self._with_environment()

    def _with_environment(self) -> Campaign:
        """Return the frozen campaign; write its environment if a killed command has not."""
        frozen = self.campaign()
        try:
            known = read_json(self.environment_json)["campaign_hash"]
        except (OSError, CuprolithError, KeyError, TypeError):
            known = None
        if known != frozen.campaign_hash:
            write_json(self.environment_json, describe_environment(frozen.campaign_hash))
        return frozen

    def _with_crystal_copies(self, campaign: Campaign) -> Campaign:
        """Copy crystal files in, so that the workdir stands alone."""
        crystals = dict(campaign.crystals)
        for name, crystal in campaign.crystals.items():
            if crystal.file is None:
                continue
            # Named by content, so that a changed file is another campaign, not a silent old copy.
            digest = hashlib.sha256(crystal.file.read_bytes()).hexdigest()[:12]
            copy = self.crystals / f"{name}-{digest}" / crystal.file.name
            if not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(crystal.file, copy)
            crystals[name] = crystal.model_copy(update={"file": copy.relative_to(self.root)})
        return campaign.model_copy(update={"crystals": crystals})

    def _absolute(self, campaign: Campaign) -> Campaign:
        return campaign.with_absolute_files(self.root)

    def require(self, path: Path, verb: str) -> Path:
        """Return `path`, or say which verb makes it.

        Raises
        ------
        CuprolithError
            If it does not exist.
        """
        if not path.exists():
            raise CuprolithError(
                f"{path.relative_to(self.root)} is missing",
                where=str(self.root),
                remedy=f"run `cuprolith {verb} --workdir {self.root}` first",
            )
        return path

    def record_seconds(self, stage: str, seconds: float) -> None:
        """Keep how long a stage took."""
        timings = read_json(self.timings_json) if self.timings_json.is_file() else {"stages": {}}
        timings["stages"][stage] = round(seconds, 3)
        write_json(self.timings_json, timings)


def write_atomically(path: Path, parts: Iterable[str]) -> None:
    """Write a text file so that a kill or a full disk leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with StagedFile(path) as staged:
        for part in parts:
            staged.write(part.encode("utf-8"))
        staged.commit()


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically."""
    write_atomically(path, [json.dumps(content, indent=1, ensure_ascii=False), "\n"])


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    CuprolithError
        If it is not JSON (for instance cut short by a full disk).
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise CuprolithError(
            f"not valid JSON: {error}", where=str(path), remedy="delete it and run the verb again"
        ) from error
