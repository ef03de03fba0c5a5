"""Check a dataset on disk against its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from cuprolith.hashes import file_sha256
from training.dataset.card import DatasetCard, DatasetError, FileCard, load_card
from training.dataset.extxyz import FrameFileError, iter_frames
from training.dataset.frames import Frame


def verify_dataset(folder: Path) -> list[str]:
    """Return what is wrong with a dataset; an empty list for a sound one.

    The check compares each file's hash and its counts of frames, atoms, families and chemical
    systems with the card, and finds structures, parents or trajectories that are in two splits.
    One frame is in memory at a time.

    Parameters
    ----------
    folder
        Folder with ``dataset.json``.
    """
    try:
        card = load_card(folder)
    except DatasetError as error:
        return [str(error)]
    problems = _problems_of_counts(card)
    ids: dict[str, dict[str, set[str]]] = {}
    for split, part in card.splits.items():
        ids[split] = {"structure or parent": set(), "trajectory": set()}
        problems += _problems_of_file(folder, part, ids[split])
    problems += _problems_of_file(folder, card.quarantine, {})
    for first, second in combinations(ids, 2):
        for kind in ids[first]:
            shared = sorted(ids[first][kind] & ids[second][kind])
            if shared:
                problems.append(
                    f"{len(shared)} {kind} ids are in both {first} and {second}, e.g. {shared[0]}"
                )
    return problems


def _problems_of_counts(card: DatasetCard) -> list[str]:
    problems = []
    frames = card.frames
    in_splits = sum(part.frames for part in card.splits.values())
    if frames.kept != in_splits:
        problems.append(f"dataset.json: {frames.kept} frames kept, but {in_splits} in the splits")
    if frames.quarantined != card.quarantine.frames:
        problems.append(
            f"dataset.json: {frames.quarantined} frames quarantined, but "
            f"{card.quarantine.frames} in the file"
        )
    dropped = sum(len(group.dropped) for group in card.near_duplicates)
    if frames.near_duplicates != dropped:
        problems.append(
            f"dataset.json: {frames.near_duplicates} near-duplicates, but {dropped} in the audit"
        )
    if frames.seen != frames.thinned + frames.quarantined + frames.near_duplicates + frames.kept:
        problems.append("dataset.json: the frames seen are not those thinned, set aside and kept")
    return problems


def _problems_of_file(folder: Path, part: FileCard, ids: dict[str, set[str]]) -> list[str]:
    path = folder / part.file
    if not path.is_file():
        return [f"{path} does not exist"]
    problems = []
    digest = file_sha256(path)
    if digest != part.sha256:
        problems.append(f"{path} was changed: its sha256 is {digest}, the card says {part.sha256}")
    n_frames = n_atoms = 0
    families: Counter[str] = Counter()
    systems: Counter[str] = Counter()
    try:
        for frame in _noting_ids(iter_frames(path), ids):
            n_frames += 1
            n_atoms += len(frame)
            families[frame.family] += 1
            systems[frame.system] += 1
    except FrameFileError as error:
        return [*problems, str(error)]
    for name, found, stated in (
        ("frames", n_frames, part.frames),
        ("atoms", n_atoms, part.atoms),
        ("families", dict(families), part.families),
        ("systems", dict(systems), part.systems),
    ):
        if found != stated:
            problems.append(f"{path}: {name} are {found}, the card says {stated}")
    return problems


def _noting_ids(frames: Iterator[Frame], ids: dict[str, set[str]]) -> Iterator[Frame]:
    for frame in frames:
        if ids:
            ids["trajectory"].add(frame.trajectory_id)
            ids["structure or parent"] |= {frame.structure_id, frame.parent_id} - {""}
        yield frame
