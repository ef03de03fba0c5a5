"""Your own extended XYZ files: read with ASE, and split if they are not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import ase.io
import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from ase.geometry import complete_cell
from pydantic import Field

from cuprolith.settings import Listed, Seed
from training.dataset.atomic_energies import starting_energies
from training.dataset.continued_runs import (
    Located,
    find_continued_runs,
    position_summary,
    unstrained_steps,
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
from training.settings import NearDuplicateSettings, QuarantineSettings, SplitSettings
from training.source import Source, SourceSettings, TrainingData
from training.sources.extxyz.labels import LabelError, LabelKeys, find_keys, read_labels

NAME = "extxyz"
_UNKNOWN_FAMILY = "unknown"
# Consecutive frames of one run are nearer than this (root mean square, Å); the nearest
# neighbours of two independent structures are not.
_SAME_RUN = 0.7
_Splits = dict[SplitName, list[Frame]]


class ExtxyzSourceSettings(SourceSettings):
    """Your own extended XYZ files; see `ExtxyzSource`."""

    source: Literal["extxyz"] = "extxyz"
    train: Annotated[Path, Listed] = Field(description="file to train on")
    val: Annotated[Path, Listed] | None = Field(
        default=None, description="file to validate on; default: a part of `train`"
    )
    test: Annotated[Path, Listed] | None = Field(
        default=None, description="file to test on; default: a part of `train`, if `val` is one"
    )
    energy_key: str | None = Field(default=None, description="name of the energy, eV")
    forces_key: str | None = Field(default=None, description="name of the forces, eV/Å")
    stress_key: str | None = Field(
        default=None, description="name of the stress, eV/Å³ (ASE's sign: positive is tension)"
    )
    virial_key: str | None = Field(
        default=None, description="name of the virial, eV: minus stress times volume"
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
    """Frames of your own extended XYZ files.

    Without `val`, groups of related frames are taken from the frames of `train` to validate on
    and, without `test` as well, to test on. Related are consecutive frames of the same atoms that
    have hardly moved, near-duplicates, and what shares a ``structure_id`` or ``trajectory_id``.
    Where there are too few unrelated groups, the end of each run is held out, and a warning says
    so.

    Parameters
    ----------
    train, val, test
        Files; compressed ones (``.gz``, …) are read as well.
    keys
        Names of the labels; keys not given are searched for, see `find_keys`.
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
        keys: LabelKeys = LabelKeys(),  # noqa: B008 (immutable)
        split: SplitSettings = SplitSettings(),  # noqa: B008 (immutable)
        seed: int = 0,
    ) -> None:
        self.files: dict[SplitName, Path | None] = {
            "train": train.resolve(),
            "val": None if val is None else val.resolve(),
            "test": None if test is None else test.resolve(),
        }
        self.keys = keys
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
        keys = {f"{name}_key": key for name, key in vars(self.keys).items() if key is not None}
        return {
            "source": NAME,
            **files,
            **keys,
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
            split: [] if path is None else _read_file(path, self.keys)
            for split, path in self.files.items()
        }
        warnings: tuple[str, ...] = ()
        if self.files["val"] is None:
            drawn, warnings = _drawn(read["train"], self.split, self.seed, self.place("train"))
            if self.files["test"] is not None:
                drawn["train"] = [*drawn["train"], *drawn["test"]]
                drawn["test"] = read["test"]
            read = drawn
        return read, (*warnings, *self._copies(read))

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


def _read_file(path: Path, given: LabelKeys) -> list[Frame]:
    """Read all frames of a file.

    Raises
    ------
    TrainingError
        With file, frame (from 0) and what to do.
    """
    frames: list[Frame] = []
    keys, run, before = None, -1, None
    try:
        for index, atoms in enumerate(ase.io.iread(path, ":", format="extxyz", parallel=False)):
            try:
                keys = keys or find_keys(atoms, given)
                if before is None or not _same_run(before, atoms):
                    run += 1
                before = atoms
                frames.append(_frame(atoms, keys, f"{path.stem}-run-{run}", index))
            except LabelError as error:
                raise TrainingError(f"{path}, frame {index} (from 0): {error}") from error
    except FileNotFoundError:
        raise TrainingError(
            f"{path} does not exist: check the path under `data`; it is relative to the folder "
            "that `--data` names (`--data .` is the current folder)"
        ) from None
    except (OSError, KeyError, ValueError, IndexError, EOFError, UnicodeDecodeError) as error:
        raise TrainingError(
            f"{path}, frame {len(frames)} (from 0), is not extended XYZ: {error!r}"
        ) from error
    if not frames:
        raise TrainingError(f"{path} has no frames")
    return frames


def _frame(atoms: Atoms, keys: LabelKeys, run: str, index: int) -> Frame:
    labels = read_labels(atoms, keys)
    info = {name: str(value) for name, value in atoms.info.items() if isinstance(value, str)}
    frame = Frame(
        numbers=atoms.numbers.astype(np.int64),
        positions=atoms.positions,
        cell=atoms.cell.array,
        pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
        energy=labels.energy,
        forces=labels.forces,
        stress=labels.stress,
        structure_id=info.get("structure_id", run),
        family=info.get("family") or info.get("config_type") or _UNKNOWN_FAMILY,
        miller_index="",
        parent_id=info.get("parent_id", ""),
        trajectory_id=info.get("trajectory_id", run),
        step=index,
        engine=NAME,
        functional=info.get("functional", ""),
        config_hash="",
    )
    for reason in quarantine_reasons(frame, QuarantineSettings()):
        if reason_kind(reason) in {NOT_FINITE, NO_VOLUME}:
            raise LabelError(f"{reason}; correct the frame or remove it")
    return frame


def _same_run(first: Atoms, second: Atoms) -> bool:
    """Whether the same atoms have hardly moved from one frame to the next, apart from strain."""
    if not (np.array_equal(first.numbers, second.numbers) and (first.pbc == second.pbc).all()):
        return False
    cells = complete_cell(first.cell.array), complete_cell(second.cell.array)
    if min(abs(np.linalg.det(cell)) for cell in cells) == 0:
        return False
    return bool(np.sqrt((unstrained_steps(first, second) ** 2).mean()) < _SAME_RUN)


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
    keys = LabelKeys(
        settings.energy_key, settings.forces_key, settings.stress_key, settings.virial_key
    )
    return ExtxyzSource(train, val, test, keys=keys, split=settings.split, seed=settings.seed)


SOURCE = Source(NAME, ExtxyzSourceSettings, _open)
