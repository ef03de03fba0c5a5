"""Turn your own files into a dataset, with card and quarantine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.dataset.builder import build_dataset
from training.dataset.card import DatasetCard
from training.dataset.frames import Frame
from training.errors import TrainingError
from training.label_settings import LabelSettings
from training.settings import DatasetSettings
from training.sources.extxyz.reading import read_frames, settings_for
from training.sources.extxyz.unit_checks import check_units


@dataclass(frozen=True)
class CollectedFiles:
    """The dataset that was made of files."""

    card: DatasetCard

    def __str__(self) -> str:
        """Say how many frames, what was set aside and why, and how units were checked."""
        card, frames = self.card, self.card.frames
        splits = ", ".join(f"{part.frames} {name}" for name, part in card.splits.items())
        kinds = ", ".join(f"{kind} ({n})" for kind, n in card.quarantine.reasons.items())
        lines = [
            f"{frames.kept} frames ({splits}); of {frames.seen} seen {frames.thinned} thinned, "
            f"{frames.near_duplicates} near-duplicates, {frames.quarantined} quarantined",
            *([f"quarantined: {kinds}"] if kinds else []),
            *(f"units of {name}: {text}" for name, text in card.label_checks.items()),
            *(f"warning: {each}" for each in card.warnings),
        ]
        return "\n  ".join(lines)


def collect_files(
    path: Path,
    out_dir: Path,
    seed: int = 0,
    labels: LabelSettings = LabelSettings(),  # noqa: B008 (immutable)
    settings: DatasetSettings = DatasetSettings(),  # noqa: B008 (immutable)
) -> CollectedFiles:
    """Build a dataset of a file, or of all files with labels below a folder; all in memory.

    Parameters
    ----------
    path
        A file or a folder; `training.sources.extxyz.files` lists the formats.
    out_dir
        Folder of the dataset; one that is there is replaced.
    seed
        Seed of the split.
    labels
        Names and units of the labels.
    settings
        Rules of the dataset.

    Raises
    ------
    TrainingError
        If a file cannot be read, its units are contradicted, or no dataset can be made.
    OSError
        If the dataset cannot be written.
    """
    trajectories, checks = checked_trajectories(path, labels)
    try:
        card = build_dataset(
            trajectories, settings, out_dir, seed, unsplit_if_few=True, label_checks=checks
        )
    except ValueError as error:  # a DatasetError, or a trajectory that is not in order
        raise TrainingError(f"{path}: {error}") from error
    return CollectedFiles(card)


def checked_trajectories(
    path: Path, labels: LabelSettings
) -> tuple[Sequence[Sequence[Frame]], dict[str, str]]:
    """Return the frames of files by trajectory, in the order of their steps, and how units fared.

    Raises
    ------
    TrainingError
        If a file cannot be read, or its units are contradicted.
    """
    frames = read_frames(path, labels)
    checks = check_units(frames, settings_for(path, labels), str(path))
    trajectories: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        trajectories[frame.trajectory_id].append(frame)
    return [sorted(each, key=lambda frame: frame.step) for each in trajectories.values()], checks
