"""Turn labelled trajectories into a dataset: thin, quarantine, drop near-duplicates, split.

Two passes with bounded memory: the first writes each frame that is kept, as text, to a spool and
remembers where (less than 2 kB per frame of 100 atoms); the second copies the texts to the files
of the splits.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from cuprolith.staged_file import StagedFile, sync_folder
from training.dataset.card import (
    CARD_NAME,
    QUARANTINE_FILE,
    DatasetCard,
    DatasetError,
    FrameCounts,
    LabelSource,
    NearDuplicates,
    QuarantineCard,
    SplitCard,
    load_card,
    rules_in_words,
)
from training.dataset.check import verify_dataset
from training.dataset.continued_runs import Located, find_continued_runs
from training.dataset.energy_outliers import energy_outliers
from training.dataset.extxyz import parse_frame
from training.dataset.extxyz_format import annotated
from training.dataset.first_pass import FirstPass
from training.dataset.frame_index import ISOLATED_ATOM, IndexedFrame
from training.dataset.frames import Frame
from training.dataset.near_duplicates import find_near_duplicates
from training.dataset.quarantine import reason_kind
from training.dataset.splits import (
    SPLITS,
    Group,
    SplitName,
    group_frames,
    split_groups,
    uncovered,
)
from training.dataset.summary import count_names, label_sources, quarantine_card, split_card
from training.settings import DatasetSettings

__all__ = ["DatasetCard", "DatasetError", "build_dataset", "load_card", "verify_dataset"]


def build_dataset(
    trajectories: Iterable[Iterable[Frame]],
    settings: DatasetSettings,
    out_dir: Path,
    seed: int,
    *,
    unsplit_if_few: bool = False,
    label_checks: Mapping[str, str] | None = None,
) -> DatasetCard:
    """Make ``{train,val,test,quarantine}.extxyz`` and ``dataset.json`` in a folder.

    In this order: each trajectory is thinned; unphysical and unconverged frames are set aside;
    near-duplicates are dropped; a mix of label sources is refused; the rest is split by
    trajectory and parent. The rules are in the modules `thinning`, `quarantine`,
    `near_duplicates` and `splits` beside this one, and in words in the card.

    Frames are sorted by structure, trajectory and step before anything depends on their order:
    the files and the card do not depend on the order of the trajectories.

    A process killed at any moment leaves the earlier dataset or one without ``dataset.json``,
    which is written last.

    Parameters
    ----------
    trajectories
        Steps of each run in ascending order; one trajectory is read at a time.
    settings
        The rules' numbers.
    out_dir
        Folder; made if missing, an earlier dataset in it is replaced.
    seed
        Of the split.
    unsplit_if_few
        Whether everything goes to train, with a warning on the card, where there are too few
        unrelated structures to split.
    label_checks
        For the card: how units of labels from other people's files were checked.

    Returns
    -------
    The card, as written to ``dataset.json``.

    Raises
    ------
    DatasetError
        If there is no sound frame; if a trajectory comes twice; if labels of several sources
        meet and ``allow_mixed`` is false.
    ValueError
        If there are too few unrelated structures to split, or a trajectory is not in order.
    OSError
        If the disk is full; the earlier dataset is unchanged.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    with StagedFile(out_dir / "spool.extxyz") as spool:
        first_pass = FirstPass(settings, spool)
        for trajectory in trajectories:
            first_pass.take(trajectory)
        spool.finish()
        with spool.partial.open("rb") as texts:
            selection = _select(first_pass, seed, texts, unsplit_if_few=unsplit_if_few)
            return _write(selection, texts, out_dir, label_checks or {})


@dataclass(frozen=True)
class _Selection:
    """The split of each frame, and the reasons.

    Attributes
    ----------
    unspooled_reasons
        Reasons that are missing from the texts in the spool, by the texts' offsets.
    unsplit
        Why there is no split; "" if there is one.
    """

    settings: DatasetSettings
    seed: int
    n_trajectories: int
    n_seen: int
    n_sound: int
    kept: list[IndexedFrame]
    quarantined: list[IndexedFrame]
    unspooled_reasons: Mapping[int, str]
    splits: Mapping[SplitName, list[Group]]
    unsplit: str
    near_duplicates: tuple[NearDuplicates, ...]
    continued_runs: dict[str, str]
    sources: tuple[LabelSource, ...]


def _select(
    first_pass: FirstPass, seed: int, texts: BinaryIO, *, unsplit_if_few: bool
) -> _Selection:
    settings = first_pass.settings
    sound = sorted(first_pass.sound, key=lambda frame: frame.order)
    outliers = energy_outliers(sound, settings.quarantine)
    off = [replace(sound[index], reasons=(reason,)) for index, reason in outliers.items()]
    sound = [frame for index, frame in enumerate(sound) if index not in outliers]
    quarantined = sorted([*first_pass.quarantined, *off], key=lambda frame: frame.order)
    if not sound:
        raise DatasetError(_nothing_sound(quarantined))
    originals = find_near_duplicates(
        (frame.signature for frame in sound if frame.signature), settings.near_duplicates
    )
    kept = [frame for frame, original in zip(sound, originals, strict=True) if original is None]
    sources = label_sources(kept)
    if not settings.allow_mixed and len(sources) > 1:
        raise DatasetError(_mixed(sources))
    everything = [*sound, *quarantined]
    copies = [
        (frame, sound[original])
        for frame, original in zip(sound, originals, strict=True)
        if original is not None
    ]
    continued = list(_continued_runs(everything, texts))
    groups = group_frames(
        [(frame.relatives, frame.split_strata) for frame in kept],
        known=[frame.relatives for frame in everything],
        near_copies=[
            (first.relatives.structure_id, second.relatives.structure_id)
            for first, second in (*copies, *continued)
        ],
    )
    splits, unsplit = _split(groups, settings, seed, unsplit_if_few=unsplit_if_few)
    return _Selection(
        settings=settings,
        seed=seed,
        n_trajectories=len(first_pass.trajectory_ids),
        n_seen=first_pass.seen,
        n_sound=len(sound),
        kept=kept,
        quarantined=quarantined,
        unspooled_reasons=first_pass.unspooled_reasons
        | {frame.offset: frame.reasons[0] for frame in off},
        splits=splits,
        unsplit=unsplit,
        near_duplicates=_audit(sound, originals),
        continued_runs={start.name: other.name for start, other in continued},
        sources=sources,
    )


def _split(
    groups: Sequence[Group], settings: DatasetSettings, seed: int, *, unsplit_if_few: bool
) -> tuple[Mapping[SplitName, list[Group]], str]:
    """Return the splits, and why everything is in train if it is."""
    try:
        return split_groups(groups, settings.split, seed), ""
    except ValueError as error:
        if not unsplit_if_few:
            raise
        return {"train": list(groups), "val": [], "test": []}, str(error)


def _continued_runs(
    frames: Sequence[IndexedFrame], texts: BinaryIO
) -> Iterator[tuple[IndexedFrame, IndexedFrame]]:
    """Yield the first frame of a run and the frame of an unrelated run that it repeats or follows.

    Frames of one structure are related anyway.
    """
    first_step: dict[str, int] = {}
    for frame in frames:
        run = frame.relatives.trajectory_id
        first_step[run] = min(frame.step, first_step.get(run, frame.step))
    located = (
        Located(
            frame=i,
            run=frame.relatives.structure_id,
            starts=frame.step == first_step[frame.relatives.trajectory_id],
            where=frame.where,
        )
        for i, frame in enumerate(frames)
        if frame.where is not None
    )

    def read(i: int) -> Frame:
        texts.seek(frames[i].offset)
        return parse_frame(texts.read(frames[i].length))

    for start, other in find_continued_runs(located, read):
        yield frames[start], frames[other]


def _nothing_sound(quarantined: Sequence[IndexedFrame]) -> str:
    if not quarantined:
        return "no frames: nothing is labelled yet"
    kinds = Counter(reason_kind(reason) for frame in quarantined for reason in frame.reasons)
    listed = ", ".join(f"{kind} ({frames})" for kind, frames in sorted(kinds.items()))
    return (
        f"all {len(quarantined)} frames would be quarantined: {listed}; e.g. "
        f"{quarantined[0].name}: {quarantined[0].reasons[0]}. Check the labels, or the limits "
        "under the key dataset.quarantine"
    )


def _mixed(sources: Sequence[LabelSource]) -> str:
    listed = "; ".join(
        f"{source.frames} frames by engine {source.engine}, functional {source.functional}, "
        f"settings {source.config_hash}"
        for source in sources
    )
    return (
        f"labels of {len(sources)} different sources: {listed}. Collect one source at a time, or "
        "accept the mix with the key dataset.allow_mixed: true" + _incomparable(sources)
    )


def _incomparable(sources: Sequence[LabelSource]) -> str:
    engines = sorted({source.engine for source in sources})
    if len(engines) < 2:
        return ""
    return (
        f". Energies of different engines ({', '.join(engines)}) have different zeros and are "
        "never comparable"
    )


def _audit(
    sound: Sequence[IndexedFrame], originals: Sequence[int | None]
) -> tuple[NearDuplicates, ...]:
    dropped: dict[int, list[str]] = {}
    for frame, original in zip(sound, originals, strict=True):
        if original is not None:
            dropped.setdefault(original, []).append(frame.name)
    return tuple(
        NearDuplicates(kept=sound[original].name, dropped=tuple(names))
        for original, names in sorted(dropped.items())
    )


def _write(
    selection: _Selection, texts: BinaryIO, out_dir: Path, label_checks: Mapping[str, str]
) -> DatasetCard:
    with ExitStack() as stack:
        files = []

        def copied(name: str, frames: Sequence[IndexedFrame]) -> str:
            """Write one file, and return its hash."""
            digest = hashlib.sha256()
            file = stack.enter_context(StagedFile(out_dir / name))
            for frame in frames:
                texts.seek(frame.offset)
                text = texts.read(frame.length)
                if frame.offset in selection.unspooled_reasons:
                    reason = selection.unspooled_reasons[frame.offset]
                    text = annotated(text, quarantine_reason=reason)
                file.write(text)
                digest.update(text)
            file.finish()
            files.append(file)
            return digest.hexdigest()

        splits = {}
        for split in SPLITS:
            name, groups = f"{split}.extxyz", selection.splits[split]
            if not groups:
                continue
            indices = sorted(index for group in groups for index in group.frames)
            frames = [selection.kept[index] for index in indices]
            splits[split] = split_card(name, copied(name, frames), frames, groups)
        quarantined = selection.quarantined
        digest = copied(QUARANTINE_FILE, quarantined)
        quarantine = quarantine_card(QUARANTINE_FILE, digest, quarantined)
        card = _card(selection, splits, quarantine, label_checks)
        card_file = stack.enter_context(StagedFile(out_dir / CARD_NAME))
        card_file.write(card.model_dump_json(indent=1).encode() + b"\n")
        card_file.finish()
        # From here to the last commit there is no card, hence no dataset to be mistaken for one.
        (out_dir / CARD_NAME).unlink(missing_ok=True)
        for split in set(SPLITS) - splits.keys():
            (out_dir / f"{split}.extxyz").unlink(missing_ok=True)
        sync_folder(out_dir)
        for file in (*files, card_file):
            file.commit()
    return card


def _card(
    selection: _Selection,
    splits: dict[SplitName, SplitCard],
    quarantine: QuarantineCard,
    label_checks: Mapping[str, str],
) -> DatasetCard:
    n_kept, n_quarantined = len(selection.kept), len(selection.quarantined)
    warnings = []
    if len(selection.sources) > 1:
        warnings.append(
            f"labels of {len(selection.sources)} different sources are mixed "
            "(dataset.allow_mixed)" + _incomparable(selection.sources)
        )
    if selection.unsplit:
        warnings.append(
            f"not split, all frames are in train, and val and test are missing: {selection.unsplit}"
        )
    else:
        warnings += _coverage_warnings(selection.splits)
    systems = count_names(frame.strata.system for frame in selection.kept)
    return DatasetCard(
        seed=selection.seed,
        settings=selection.settings,
        rules=rules_in_words(selection.settings),
        warnings=tuple(warnings),
        sources=selection.sources,
        elements=tuple(sorted({element for system in systems for element in system.split("-")})),
        trajectories=selection.n_trajectories,
        frames=FrameCounts(
            seen=selection.n_seen,
            thinned=selection.n_seen - selection.n_sound - n_quarantined,
            quarantined=n_quarantined,
            near_duplicates=selection.n_sound - n_kept,
            kept=n_kept,
        ),
        families=count_names(frame.strata.family for frame in selection.kept),
        systems=systems,
        splits=splits,
        quarantine=quarantine,
        near_duplicates=selection.near_duplicates,
        continued_runs=selection.continued_runs,
        label_checks=dict(label_checks),
    )


def _coverage_warnings(splits: Mapping[SplitName, Sequence[Group]]) -> Iterator[str]:
    if not (splits["val"] or splits["test"]):
        return
    missing = uncovered(splits)
    if missing["train"]:
        yield (
            f"train has no {_in_words(missing['train'])}: there are too few unrelated groups of "
            "frames to train, validate and test on; label more such structures"
        )
    unseen = [pair for pair in missing["held out"] if pair[1] != ISOLATED_ATOM]
    if unseen:
        yield (
            f"neither val nor test has {_in_words(unseen)}: errors there are not measured; to "
            "measure them, label more such structures that are not made from one another"
        )


def _in_words(pairs: Sequence[tuple[str, str]]) -> str:
    families: dict[str, list[str]] = {}
    for element, family in pairs:
        families.setdefault(family, []).append(element)
    return "; ".join(f"{', '.join(names)} of family {family}" for family, names in families.items())
