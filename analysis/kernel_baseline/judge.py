"""Fit the kernel model to a dataset once, and keep its errors beside the trainings."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from analysis.kernel_baseline.fit import fit_kernel, kernel_errors
from analysis.kernel_baseline.record import (
    KernelBaseline,
    KernelFit,
    KernelSplit,
    read_kernel_baseline,
)
from cuprolith.progress import progress_bar
from training.dataset.frames import Frame
from training.dataset.splits import SplitName
from training.sources.dataset import DatasetSource

JUDGED_SPLITS: tuple[SplitName, ...] = ("val", "test")
LARGEST_R_MAX = 6.0  # Å; the number of neighbours grows with the cube
MOST_ELEMENTS = 5  # features of an atom grow with the square
_METHOD = "1"  # to be raised when features or settings change: then all are fitted again
_MAX_ATOMS = 20_000  # of a split in memory; with the limit of work some 20 s and 0.5 GB
_MAX_FRAME_ATOMS = 3_000


def judge_by_kernel(source: DatasetSource, r_max: float, seed: int, path: Path) -> KernelBaseline:
    """Fit the kernel model and write its errors, unless the file has those of this dataset.

    What cannot be fitted leaves a note, so that the judgement of a training goes on.

    Parameters
    ----------
    source
        The dataset.
    r_max
        Cutoff radius of the model that is judged, Å; the kernel model's is at most 6 Å.
    seed
        Of all that is drawn at random.
    path
        The file to write.
    """
    r_max = min(r_max, LARGEST_R_MAX)
    made_from = {"r_max": f"{r_max:g}", "seed": str(seed), "method": _METHOD}
    made_from.update((split, card.sha256) for split, card in source.card.splits.items())
    try:
        known = read_kernel_baseline(path)
        if known.made_from == made_from and not known.note:
            return known
    except (OSError, ValueError):
        pass  # missing or damaged: it is made again
    try:
        baseline = _fit(source, made_from, r_max, seed).sealed()
    except ImportError as error:
        note = f"featomic, which computes its features, cannot be imported ({error})"
        baseline = KernelBaseline(made_from=made_from, note=note)
    except (ValueError, MemoryError, np.linalg.LinAlgError) as error:
        baseline = KernelBaseline(made_from=made_from, note=str(error) or "too little memory")
    baseline.write(path)
    return baseline


def _fit(
    source: DatasetSource, made_from: dict[str, str], r_max: float, seed: int
) -> KernelBaseline:
    if len(source.symbols) > MOST_ELEMENTS:
        raise ValueError(
            f"the dataset has {len(source.symbols)} elements; its features are too many for more "
            f"than {MOST_ELEMENTS}"
        )
    train, val = (_some_frames(source, split, seed) for split in ("train", "val"))
    if not train or not val:
        raise ValueError(
            f"train or val has no frames of at most {_MAX_FRAME_ATOMS} atoms to fit to and to "
            "choose by"
        )
    with progress_bar("kernel baseline", total=len(train)) as bar:
        fitted = fit_kernel(train, val, r_max, seed, bar=bar)
    splits: dict[str, KernelSplit] = {}
    spent, n_predicted = 0.0, 0
    for split in JUDGED_SPLITS:
        frames = val if split == "val" else _some_frames(source, split, seed)
        if frames:
            started = time.process_time()
            overall, families = kernel_errors(fitted, frames)
            spent += time.process_time() - started
            n_predicted += overall.n_atoms
            splits[split] = KernelSplit(
                n_frames_in_split=source.n_frames(split), overall=overall, families=families
            )
    return KernelBaseline(
        made_from=made_from,
        fit=KernelFit(
            n_train_frames=fitted.n_frames,
            n_train_frames_in_split=source.n_frames("train"),
            n_sparse=fitted.n_sparse,
            r_max=r_max,
            ridge=fitted.ridge,
            seed=seed,
            seconds=fitted.seconds,
            milliseconds_per_atom=1000 * spent / n_predicted,
        ),
        splits=splits,
    )


def _some_frames(source: DatasetSource, split: SplitName, seed: int) -> list[Frame]:
    """Return the frames of a split, or some drawn at random if it is large."""
    card = source.card.splits.get(split)
    if card is None or not card.frames:
        return []
    n_kept = min(card.frames, int(_MAX_ATOMS * card.frames / card.atoms) + 1)
    kept = np.random.default_rng(seed).permutation(card.frames)[:n_kept]
    wanted = np.zeros(card.frames, dtype=bool)
    wanted[kept] = True
    return [
        frame
        for frame, chosen in zip(source.frames(split), wanted, strict=True)
        if chosen and len(frame) <= _MAX_FRAME_ATOMS
    ]
