"""Campaign files: one YAML file with structures, engine, dataset and training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from analysis.validation.settings import ValidationSettings
from cuprolith.hashes import file_sha256, short_hash
from cuprolith.settings import Listed, Seed, Settings
from generators.family import kinds
from generators.settings import CrystalSettings
from generators.structures_settings import StructuresSettings
from training.label_settings import LabelSettings
from training.settings import DatasetSettings
from training.tuning.settings import TuningSettings
from training.variant_settings import AnyTraining, default_training
from workflows.engine import engine_settings, engine_union
from workflows.engine_settings import EngineSettings
from workflows.inputs.campaign_errors import CampaignError, explain, place_of
from workflows.inputs.names import CrystalName, Name, is_file
from workflows.inputs.tuning_section import check_tuning
from workflows.inputs.yaml_file import FileKind, content_of, read_yaml, yaml_text

if TYPE_CHECKING:
    AnyEngineSettings = EngineSettings
else:  # those of the engine that `name` chooses
    AnyEngineSettings = engine_union()

CAMPAIGN = FileKind(
    "campaign",
    "`name`, `structures`",
    "inputs/quickstart.yaml is an example",
)


if TYPE_CHECKING:
    KindName = str
else:
    KindName = Literal[tuple(kinds())]


class PublishedSettings(Settings):
    """Numbers of a publication to compare the catalogue with."""

    source: Annotated[str, Field(min_length=1)] = Field(description="the publication")
    counts: dict[KindName, Annotated[int, Field(ge=0, le=10**9)]] = Field(
        min_length=1, description="structures by family"
    )


class AppendedFile(LabelSettings):
    """A file of labelled structures of your own that joins the dataset."""

    path: Annotated[Path, Listed] = Field(
        description="extended XYZ, or what else ASE reads with energies and forces"
    )


class Campaign(Settings):
    """A campaign: crystals, the structures made of them, molecules, and what is done with these."""

    name: Name = Field(description="names the folder of the campaign and its jobs")
    seed: Seed = Field(
        default=0, description="decides splits, velocities and the start of trainings"
    )
    crystals: dict[CrystalName, CrystalSettings] = Field(
        default={}, description="what structures are cut from; none in a campaign of molecules"
    )
    structures: StructuresSettings
    engine: AnyEngineSettings = engine_settings()
    append: Annotated[tuple[AppendedFile, ...], Listed] = Field(
        default=(), description="files of your own whose frames join the dataset"
    )
    dataset: DatasetSettings = DatasetSettings()
    training: AnyTraining = Field(default_factory=default_training)
    validation: ValidationSettings = ValidationSettings()
    tuning: TuningSettings | None = Field(
        default=None, description="a study of the variant's hyper-parameters on the dataset"
    )
    published: PublishedSettings | None = Field(
        default=None, description="numbers of a publication to compare the catalogue with"
    )

    @property
    def campaign_hash(self) -> str:
        """Hash of all settings that decide results, files by content (12 hex digits).

        `published` is left out, and a study or a choice of properties that is not asked for.
        """
        content = self.model_dump(mode="json", exclude={"published"})
        if self.validation == ValidationSettings():
            del content["validation"]
        if self.tuning is None:
            del content["tuning"]
        else:
            content["tuning"]["warm_start"] = [file_sha256(path) for path in self.tuning.warm_start]
            del content["tuning"]["workers"]
        if not self.append:
            del content["append"]
        for i, appended in enumerate(self.append):
            content["append"][i]["path"] = file_sha256(appended.path)
        for name, crystal in self.crystals.items():
            if crystal.file is not None:
                content["crystals"][name]["file"] = file_sha256(crystal.file)
        for (family, *place, key), file in self.structures.files.items():
            section = content["structures"][family]
            (section[int(place[0])] if place else section)[key] = file_sha256(file)
        for key, file in self.engine.files.items():
            content["engine"][key] = file_sha256(file)
        return short_hash(json.dumps(content, sort_keys=True))

    def to_yaml(self) -> str:
        """Return the campaign with every default written out."""
        return yaml_text(self.model_dump(mode="json"))

    def with_absolute_files(self, folder: Path) -> Campaign:
        """Return a copy with all file paths made absolute."""
        crystals = {
            name: crystal.model_copy(update={"file": (folder / crystal.file).resolve()})
            if crystal.file is not None
            else crystal
            for name, crystal in self.crystals.items()
        }
        tuning = self.tuning.with_absolute_files(folder) if self.tuning is not None else None
        files = {key: (folder / file).resolve() for key, file in self.engine.files.items()}
        engine = self.engine.with_files(files)
        return self.model_copy(
            update={
                "crystals": crystals,
                "structures": self.structures.with_files(
                    {key: (folder / file).resolve() for key, file in self.structures.files.items()}
                ),
                "engine": engine,
                "tuning": tuning,
                "append": with_paths(
                    self.append, [(folder / each.path).resolve() for each in self.append]
                ),
            }
        )


def with_paths(append: Sequence[AppendedFile], paths: Sequence[Path]) -> tuple[AppendedFile, ...]:
    """Return copies of appended files at other paths."""
    return tuple(
        each.model_copy(update={"path": path}) for each, path in zip(append, paths, strict=True)
    )


def load_campaign(path: Path) -> Campaign:
    """Read and validate a campaign file.

    Files that it names are looked for relative to the campaign file.

    Raises
    ------
    CampaignError
        With file, line, key and remedy for everything that is wrong.
    """
    root = read_yaml(path, CAMPAIGN)
    try:
        campaign = Campaign.model_validate(content_of(root))
    except ValidationError as error:
        raise explain(error, Campaign, path, root) from None
    _check_files(campaign, path, root)
    check_tuning(campaign.training, campaign.tuning, path, root)
    return campaign.with_absolute_files(path.parent)


def _check_files(campaign: Campaign, path: Path, root: yaml.Node) -> None:
    files: dict[tuple[str, ...], Path] = {
        ("engine", key): file for key, file in campaign.engine.files.items()
    }
    for name, crystal in campaign.crystals.items():
        if crystal.file is not None:
            files["crystals", name, "file"] = crystal.file
    for place, file in campaign.structures.files.items():
        files["structures", *place] = file
    for i, appended in enumerate(campaign.append):
        files["append", str(i), "path"] = appended.path
    for key, file in files.items():
        if not is_file(path.parent / file):
            raise CampaignError(
                f"no such file: {file}",
                where=f"{place_of(root, key, path)}: {'.'.join(key)}",
                remedy="the path is taken relative to the campaign file",
            )


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
