"""The card of a dataset: what is in it, by which rules, and hashes to check it by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.dataset.splits import SplitName
from training.settings import DatasetSettings

SCHEMA_VERSION = 1
CARD_NAME = "dataset.json"
QUARANTINE_FILE = "quarantine.extxyz"

Count = Annotated[int, Field(ge=0)]


class DatasetError(ValueError):
    """A dataset cannot be made or trusted; the message says why and what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Statistics(_Part):
    """Summary of one quantity."""

    min: float
    mean: float
    max: float
    rms: float


class LabelSource(_Part):
    """Number of frames in the splits by the engine that computed them."""

    engine: str
    functional: str
    config_hash: str
    frames: Count


class FrameCounts(_Part):
    """Number of frames by outcome: seen = thinned + quarantined + near_duplicates + kept."""

    seen: Count
    thinned: Count = Field(description="left out because they hardly differ from a step kept")
    quarantined: Count = Field(description="set aside as unphysical or not converged")
    near_duplicates: Count = Field(
        description="dropped because a frame kept has the same information"
    )
    kept: Count = Field(description="in train, val and test")


class NearDuplicates(_Part):
    """Frames dropped in favour of one kept; frames are ``<trajectory_id>:<step>``."""

    kept: str
    dropped: tuple[str, ...]


class GroupCard(_Part):
    """Frames that had to stay together, by trajectory and parent."""

    name: str
    structure_ids: tuple[str, ...]
    frames: Count


class FileCard(_Part):
    """One file of frames."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    sha256: str
    frames: Count
    atoms: Count
    families: dict[str, Count] = Field(description="frames by family")
    systems: dict[str, Count] = Field(description="frames by chemical system")


class SplitCard(FileCard):
    """One split."""

    energy_per_atom: Statistics = Field(description="over frames, eV/atom")
    force_norm: Statistics = Field(description="|F| over atoms, eV/Å")
    groups: tuple[GroupCard, ...]


class QuarantineCard(FileCard):
    """The frames set aside."""

    reasons: dict[str, Count] = Field(description="frames by kind of reason; may have several")


class DatasetCard(_Part):
    """Content and origin of a dataset; equal input gives an equal card, byte for byte."""

    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    seed: int
    settings: DatasetSettings
    rules: dict[str, str] = Field(description="what was done, in words")
    warnings: tuple[str, ...]
    sources: tuple[LabelSource, ...]
    elements: tuple[str, ...]
    trajectories: Count = Field(description="trajectories seen")
    frames: FrameCounts
    families: dict[str, Count] = Field(description="kept frames by family")
    systems: dict[str, Count] = Field(description="kept frames by chemical system")
    splits: dict[SplitName, SplitCard]
    quarantine: QuarantineCard
    near_duplicates: tuple[NearDuplicates, ...]
    continued_runs: dict[str, str] = Field(
        default={},
        description="first frame of a run: frame of another run that it repeats or follows",
    )
    label_checks: dict[str, str] = Field(
        default={}, description="how units of labels from other people's files were checked"
    )


def load_card(path: Path) -> DatasetCard:
    """Load a card.

    Parameters
    ----------
    path
        ``dataset.json`` or the folder it is in.

    Raises
    ------
    DatasetError
        If the file is missing, or not a card of this version.
    """
    path = path / CARD_NAME if path.is_dir() else path
    try:
        return DatasetCard.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise DatasetError(
            f"{path} does not exist: collect the dataset first (an interrupted collection "
            "leaves none)"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise DatasetError(
            f"{path} is not a dataset card of schema version {SCHEMA_VERSION} ({key}: "
            f"{first['msg']}): collect the dataset again"
        ) from error


def rules_in_words(settings: DatasetSettings) -> dict[str, str]:
    """State the rules that the settings mean."""
    thin, same, bad = settings.thinning, settings.near_duplicates, settings.quarantine
    return {
        "thinning": (
            "Of each trajectory the first and the last step are kept, and every step where, since "
            f"the last step kept, an atom or lattice vector moved by more than "
            f"{thin.min_displacement:g} Å or the force on an atom changed by more than "
            f"{thin.min_force_change:g} eV/Å."
        ),
        "quarantine": (
            "Set aside: values that are not finite; a force above "
            f"{bad.max_force:g} eV/Å; atoms nearer than {bad.min_distance:g} Å; a flat cell; "
            "labels that did not converge, or were made with other settings; the smaller part of "
            "consecutive steps between which the energy changes by more than "
            f"{bad.max_work_mismatch:g} eV/atom beside the work of the forces, both parts where "
            "neither has half of the steps, and entire trajectories where this is the rule; an "
            "energy per atom "
            f"more than {bad.max_energy_spike:g} eV from both steps beside it, "
            f"{bad.max_energy_jump:g} eV from the median of its trajectory or "
            f"{bad.max_energy_offset:g} eV from that of its composition, and in each case more "
            "than 20 robust standard deviations."
        ),
        "near_duplicates": (
            "In the order of structure, trajectory and step, a frame is dropped when a frame kept "
            "before has the same composition (the same ratios in a periodic cell) and label "
            f"source, and energy per atom within {same.energy_per_atom:g} eV, volume per atom "
            f"within a factor of 1 ± {same.relative_volume:g}, and each of the sorted force norms "
            f"within {same.force_norm:g} eV/Å."
        ),
        "split": (
            "Frames that share a trajectory, a structure or a parent stay together, and so do "
            "runs of which one starts where another was, or has a near-duplicate in the other. "
            "Train keeps every element, and every family of every element that it can; test and "
            f"val take about {settings.split.test:.0%} and {settings.split.val:.0%} of the frames "
            "and cover as many families of chemical systems as possible."
        ),
    }
