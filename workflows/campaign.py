"""The campaign: one YAML file that says which structures, which engine, which training."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from generators.candidate import Family
from generators.settings import CrystalSettings, StructuresSettings
from training.settings import DatasetSettings, TrainingSettings
from training.tuning.settings import TuningSettings
from workflows.campaign_errors import CampaignError, explain
from workflows.engines.settings import EngineSettings
from workflows.tuning_section import check_tuning


class PublishedSettings(BaseModel):
    """Numbers of a publication to compare the catalogue with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Field(min_length=1)] = Field(description="the publication")
    counts: dict[Family, Annotated[int, Field(ge=0)]] = Field(
        min_length=1, description="structures by family"
    )


class Campaign(BaseModel):
    """A validated campaign. Unknown keys are refused; values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    crystals: dict[str, CrystalSettings] = Field(min_length=1)
    structures: StructuresSettings
    engine: EngineSettings = EngineSettings()
    dataset: DatasetSettings = DatasetSettings()
    training: TrainingSettings = TrainingSettings()
    tuning: TuningSettings | None = Field(
        default=None, description="a study of the variant's hyper-parameters on the dataset"
    )
    published: PublishedSettings | None = Field(
        default=None, description="numbers of a publication to compare the catalogue with"
    )

    @property
    def campaign_hash(self) -> str:
        """Hash of all that decides what is computed, files by content (12 hex digits).

        `published` decides nothing and is left out, as is a study that is not asked for.
        """
        content = self.model_dump(mode="json", exclude={"published"})
        if self.tuning is None:
            del content["tuning"]
        else:
            content["tuning"]["warm_start"] = [_digest(path) for path in self.tuning.warm_start]
            del content["tuning"]["workers"]
        for name, crystal in self.crystals.items():
            if crystal.file is not None:
                content["crystals"][name]["file"] = _digest(crystal.file)
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_yaml(self) -> str:
        """Return the campaign with every default written out."""
        text: str = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, width=100)
        return text

    def with_absolute_files(self, folder: Path) -> Campaign:
        """Return a copy whose files are relative to nothing."""
        crystals = {
            name: crystal.model_copy(update={"file": (folder / crystal.file).resolve()})
            if crystal.file is not None
            else crystal
            for name, crystal in self.crystals.items()
        }
        tuning = self.tuning.with_absolute_files(folder) if self.tuning is not None else None
        return self.model_copy(update={"crystals": crystals, "tuning": tuning})


def load_campaign(path: Path) -> Campaign:
    """Read and validate a campaign file.

    Crystal files and points to start a study from are looked for relative to the campaign file.

    Raises
    ------
    CampaignError
        With file, line, key and remedy for everything that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CampaignError(
            "no such campaign file",
            where=str(path),
            remedy="check the path; inputs/quickstart.yaml is an example",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CampaignError(f"cannot be read: {error}", where=str(path)) from error
    try:
        content = yaml.safe_load(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or str(error)
        raise CampaignError(f"not valid YAML: {problem}", where=where) from error
    if not isinstance(content, dict):
        raise CampaignError(
            "a campaign is a mapping of keys such as `name`, `crystals`, `structures`",
            where=str(path),
            remedy="start from inputs/quickstart.yaml",
        )
    try:
        campaign = Campaign.model_validate(content)
    except ValidationError as error:
        raise explain(error, Campaign, path, root) from None
    _check_files(campaign, path)
    check_tuning(campaign.training, campaign.tuning, path, root)
    return campaign.with_absolute_files(path.parent)


def _check_files(campaign: Campaign, path: Path) -> None:
    for name, crystal in campaign.crystals.items():
        if crystal.file is not None and not (path.parent / crystal.file).is_file():
            raise CampaignError(
                f"no such file: {crystal.file}",
                where=f"{path}: crystals.{name}.file",
                remedy="the path is taken relative to the campaign file",
            )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def campaign_differences(old: Campaign, new: Campaign) -> list[str]:
    """List settings that differ, as ``key: old → new``."""

    def flatten(value: Any, prefix: str) -> dict[str, Any]:
        if isinstance(value, dict) and value:
            items: dict[str, Any] = {}
            for key, item in value.items():
                items |= flatten(item, f"{prefix}.{key}" if prefix else str(key))
            return items
        return {prefix: value}

    left = flatten(old.model_dump(mode="json"), "")
    right = flatten(new.model_dump(mode="json"), "")
    return [
        f"{key}: {left.get(key, '(absent)')} → {right.get(key, '(absent)')}"
        for key in sorted(left.keys() | right.keys())
        if left.get(key) != right.get(key)
    ]
