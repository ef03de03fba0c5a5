"""Your own files of labelled structures: read with ASE, and split if they are not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from pydantic import Field

from cuprolith.settings import Listed, Seed
from training.dataset.atomic_energies import starting_energies
from training.dataset.continued_runs import (
    Located,
    find_continued_runs,
    position_summary,
)
from training.dataset.extxyz_format import format_frame
from training.dataset.frames import Frame
from training.dataset.near_duplicates import find_near_duplicates, signature
from training.dataset.quarantine import NO_VOLUME, NOT_FINITE, quarantine_reasons, reason_kind
from training.dataset.splits import (
    SPLITS,
    Group,
    Relatives,
    SplitName,
    Strata,
    group_frames,
    split_groups,
)
from training.errors import TrainingError
from training.label_settings import LabelSettings
from training.settings import NearDuplicateSettings, QuarantineSettings, SplitSettings
from training.source import Source, SourceSettings, TrainingData
from training.sources.extxyz.reading import ENGINE, read_frames, settings_for
from training.sources.extxyz.unit_checks import DOUBTFUL, check_units

NAME = ENGINE
_Splits = dict[SplitName, list[Frame]]


class ExtxyzSourceSettings(LabelSettings, SourceSettings):
    """Your own files, of any format that ASE reads with energies and forces."""

    source: Literal["extxyz"] = "extxyz"
    train: Annotated[Path, Listed] = Field(description="file to train on, or folder of files")
    val: Annotated[Path, Listed] | None = Field(
        default=None, description="file to validate on; default: a part of `train`"
    )
    test: Annotated[Path, Listed] | None = Field(
        default=None, description="file to test on; default: a part of `train`, if `val` is one"
    )
    split: SplitSettings = SplitSettings()
    seed: Seed = Field(default=0, description="of the split; the training's own does not change it")

    @property
    def place(self) -> Path:
        """The file to train on."""
        return self.train

    @property
    def dataset_name(self) -> str:
        """Name of the file to train on, without its ending."""
        return self.train.stem


class ExtxyzSource:
    """Frames of your own files.

    Without `val`, groups of related frames are taken from the frames of `train` to validate on
    and, without `test` as well, to test on. Related are consecutive frames of the same atoms that
    have hardly moved, near-duplicates, and what shares a ``structure_id`` or ``trajectory_id``.
    Where there are too few unrelated groups, the end of each run is held out, and a warning says
    so.

    Parameters
    ----------
    train, val, test
        Files, or folders of files; compressed ones (``.gz``, …) are read as well.
    labels
        Names and units of the labels; names not given are searched for, see `find_keys`.
    split
        Shares of frames for val and test, where there is no file.
    seed
        Of the split.
    """

    has_forces = True

    def __init__(
        self,
        train: Path,
        val: Path | None = None,
        test: Path | None = None,
        *,
        labels: LabelSettings = LabelSettings(),  # noqa: B008 (immutable)
        split: SplitSettings = SplitSettings(),  # noqa: B008 (immutable)
        seed: int = 0,
    ) -> None:
        self.files: dict[SplitName, Path | None] = {
            "train": train.resolve(),
            "val": None if val is None else val.resolve(),
            "test": None if test is None else test.resolve(),
        }
        self.labels = labels
        self.split = split
        self.seed = seed

    @property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbols in all files, sorted."""
        return tuple(sorted(frozenset[str]().union(*map(self.elements, SPLITS))))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Whether frames of one run, or near-duplicates, are in several splits."""
        return self._split[1]

    def n_frames(self, split: SplitName) -> int:
        """Return the number of frames in a split."""
        return len(self._split[0][split])

    def elements(self, split: SplitName) -> frozenset[str]:
        """Return the chemical symbols in a split."""
        numbers = {int(n) for frame in self._split[0][split] for n in np.unique(frame.numbers)}
        return frozenset(chemical_symbols[number] for number in numbers)

    def place(self, split: SplitName) -> str:
        """Return the file of a split, or of what it is a part of."""
        path = self.files[split]
        return str(path) if path is not None else f"the {split} part of {self.files['train']}"

    def structures(self, split: SplitName) -> Iterator[Atoms]:
        """Yield the structures of a split."""
        return (frame.to_atoms() for frame in self.frames(split))

    def frames(self, split: SplitName) -> Iterator[Frame]:
        """Yield the frames of a split."""
        return iter(self._split[0][split])

    def settings(self) -> dict[str, Any]:
        """Return the section (see `AnySource`) that opens this source."""
        files = {str(split): str(path) for split, path in self.files.items() if path is not None}
        labels = self.labels.model_dump(exclude_none=True)
        return {
            "source": NAME,
            **files,
            **labels,
            "split": self.split.model_dump(),
            "seed": self.seed,
        }

    def verified_hashes(self, *, stress: bool) -> dict[str, str]:
        """Return the sha256 of the frames to train and validate on.

        Raises
        ------
        TrainingError
            If a file is missing or garbled, or a frame lacks the stress asked for.
        """
        hashes = {}
        for split in ("train", "val"):
            digest = hashlib.sha256()
            for frame in self._split[0][split]:
                if stress and frame.stress is None:
                    raise TrainingError(
                        f"{self.place(split)}: {frame.structure_id}, step {frame.step}, has no "
                        "stress: set `stress_weight: 0`, or write `stress` (eV/Å³, ASE's sign) or "
                        "`virial` (eV, nine numbers) for each frame"
                    )
                digest.update(format_frame(frame))
            hashes[split] = digest.hexdigest()
        return hashes

    def training_data(
        self, *, stress: bool, atomic_energies: Mapping[str, float] | None = None
    ) -> TrainingData:
        """Return a data module that opens this source, and the start of energies."""
        start = starting_energies(self.frames("train"), self.symbols, atomic_energies)
        return TrainingData(
            module={
                "_target_": "training.frame_sources.datamodules.SourceDataModule",
                "source": self.settings(),
                "stress": stress,
            },
            symbols=self.symbols,
            atomic_energies=start.atomic_energies,
            n_train=self.n_frames("train"),
            energy_scale=start.scale,
        )

    @cached_property
    def _split(self) -> tuple[_Splits, tuple[str, ...]]:
        read = {
            split: [] if path is None else read_frames(path, self.labels)
            for split, path in self.files.items()
        }
        for split, frames in read.items():
            _require_sound(frames, str(self.files[split]))
        train = self.files["train"]
        assert train is not None
        everything = [*chain.from_iterable(read.values())]
        checks = check_units(everything, settings_for(train, self.labels), str(train))
        doubts = tuple(
            f"units of {name}: {text}" for name, text in checks.items() if text.startswith(DOUBTFUL)
        )
        warnings: tuple[str, ...] = ()
        if self.files["val"] is None:
            drawn, warnings = _drawn(read["train"], self.split, self.seed, self.place("train"))
            if self.files["test"] is not None:
                drawn["train"] = [*drawn["train"], *drawn["test"]]
                drawn["test"] = read["test"]
            read = drawn
        return read, (*doubts, *warnings, *self._copies(read))

    def _copies(self, read: _Splits) -> Iterator[str]:
        """Warn of held-out files that repeat training frames."""
        for split in ("val", "test"):
            if self.files[split] is None:
                continue
            together = [*read["train"], *read[split]]
            originals = find_near_duplicates(map(signature, together), NearDuplicateSettings())
            n_train = len(read["train"])
            n = sum(first is not None and first < n_train for first in originals[n_train:])
            if n:
                yield (
                    f"{n} of {len(read[split])} frames of {self.place(split)} are near-duplicates "
                    f"of training frames: errors there are too small"
                )


def _require_sound(frames: Sequence[Frame], place: str) -> None:
    """Refuse frames that have no meaning: nothing sets them aside here, as `collect` does."""
    for frame in frames:
        for reason in quarantine_reasons(frame, QuarantineSettings()):
            if reason_kind(reason) in {NOT_FINITE, NO_VOLUME}:
                raise TrainingError(
                    f"{place}, frame {frame.step} (from 0) of {frame.trajectory_id}: {reason}; "
                    "correct the frame, remove it, or let `cuprolith collect --from` set it aside"
                )


def _drawn(
    frames: Sequence[Frame], settings: SplitSettings, seed: int, place: str
) -> tuple[_Splits, tuple[str, ...]]:
    """Split the frames of one file; and return warnings."""
    try:
        splits = split_groups(_groups(frames), settings, seed)
    except ValueError:
        return _ends_held_out(frames, settings, place)
    return {
        split: [frames[i] for i in sorted(chain.from_iterable(group.frames for group in groups))]
        for split, groups in splits.items()
    }, ()


def _groups(frames: Sequence[Frame]) -> list[Group]:
    originals = find_near_duplicates(map(signature, frames), NearDuplicateSettings())
    copies = [(i, original) for i, original in enumerate(originals) if original is not None]
    runs = [frame.structure_id for frame in frames]
    located = [
        Located(i, run, i == 0 or run != runs[i - 1], where)
        for i, (run, frame) in enumerate(zip(runs, frames, strict=True))
        if (where := position_summary(frame)) is not None
    ]
    copies += find_continued_runs(located, frames.__getitem__)
    related = [
        (
            Relatives(frame.structure_id, frame.parent_id, frame.trajectory_id),
            Strata(frame.system, frame.family),
        )
        for frame in frames
    ]
    return group_frames(related, near_copies=[(runs[i], runs[j]) for i, j in copies])


def _ends_held_out(
    frames: Sequence[Frame], settings: SplitSettings, place: str
) -> tuple[_Splits, tuple[str, ...]]:
    """Hold out the end of each run that has three frames or more."""
    runs: dict[str, list[Frame]] = {}
    for frame in frames:
        runs.setdefault(frame.structure_id, []).append(frame)
    splits: _Splits = {"train": [], "val": [], "test": []}
    for run in runs.values():
        n_val, n_test = (max(1, round(f * len(run))) for f in (settings.val, settings.test))
        if len(run) < 3:
            n_val = n_test = 0
        n_train = len(run) - n_val - n_test
        splits["train"] += run[:n_train]
        splits["val"] += run[n_train : n_train + n_val]
        splits["test"] += run[n_train + n_val :]
    if not splits["val"]:
        raise TrainingError(
            f"{place} has {len(frames)} frames, too few to hold some out: name a file to validate "
            "on with `val`"
        )
    return splits, (
        f"{place} has too few unrelated structures: the ends of its runs are held out, so errors "
        "of val and test are those on near-copies of training frames; give files with `val` and "
        "`test`",
    )


def _open(settings: ExtxyzSourceSettings, relative_to: Path) -> ExtxyzSource:
    train, val, test = (
        None if path is None else relative_to / path
        for path in (settings.train, settings.val, settings.test)
    )
    assert train is not None
    return ExtxyzSource(
        train, val, test, labels=settings.labels, split=settings.split, seed=settings.seed
    )


SOURCE = Source(NAME, ExtxyzSourceSettings, _open)
