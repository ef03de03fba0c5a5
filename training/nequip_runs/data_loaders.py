"""Data loaders that prepare each frame once, with or without worker processes or many devices."""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from lightning.pytorch.overrides.distributed import UnrepeatedDistributedSampler
from torch.utils.data import DataLoader, Dataset, Sampler
from torch.utils.data.distributed import DistributedSampler

from training.nequip_runs.end_with_parent import GuardedContext

# Frames of this size in all are kept by each process that prepares batches.
_KEPT_BYTES = 1_000_000_000


def data_loader(
    dataset: Dataset[Any],
    generator: torch.Generator,
    collate_fn: Callable[[list[Any]], Any],
    batch_size: int,
    shuffle: bool = False,
    num_workers: int = 0,
) -> DataLoader[Any]:
    """Build one of the loaders of NequIP's data module.

    Frames are kept with their neighbour lists from epoch to epoch, as far as a gigabyte reaches.
    On one device the batches are those of a plain ``DataLoader``, whatever `num_workers` is. On
    several, each epoch distributes the frames again: every device gets equally many, so up to
    ``devices - 1`` frames are trained on twice; validation counts each frame once.

    Parameters
    ----------
    dataset, generator, collate_fn
        From NequIP's data module.
    batch_size
        Frames per batch and device.
    shuffle
        Whether the order changes from epoch to epoch.
    num_workers
        Processes that prepare batches; they stay from epoch to epoch, and end with this one.
    """
    workers: dict[str, Any] = {}
    if num_workers > 0:
        workers = {
            "num_workers": num_workers,
            "persistent_workers": True,
            # not forked: a fork copies locks that torch's threads hold
            "multiprocessing_context": GuardedContext(),
            "worker_init_fn": partial(_start_worker, torch.get_default_dtype()),
        }
    return DataLoader(
        _ByValue(_Prepared(dataset)),
        batch_size,
        sampler=_sampler(dataset, generator, batch_size, shuffle=shuffle),
        collate_fn=collate_fn,
        generator=torch.Generator(),  # seeds workers, which draw nothing
        **workers,
    )


def _sampler(
    dataset: Any, generator: torch.Generator, batch_size: int, *, shuffle: bool
) -> Sampler[int] | None:
    """Order of the frames; None where it is the dataset's own."""
    if torch.distributed.is_initialized():
        if shuffle:
            return DistributedSampler(dataset, seed=generator.initial_seed())
        return UnrepeatedDistributedSampler(dataset, shuffle=False)
    return Shuffling(len(dataset), generator, batch_size) if shuffle else None


class Shuffling(Sampler[int]):
    """Draws what a plain ``DataLoader`` without workers draws when Lightning reads it.

    Such a loader draws an unused seed, then the order; and one more where the last batch
    is not full, when it asks for the frame after the last. Workers read ahead and draw at other
    moments, which would make every epoch but the first another one.

    Parameters
    ----------
    n_frames
        Number of frames.
    generator
        Its state goes into checkpoints.
    batch_size
        Frames per batch.
    """

    def __init__(self, n_frames: int, generator: torch.Generator, batch_size: int) -> None:
        self._n_frames = n_frames
        self._generator = generator
        self._batch_size = batch_size

    def __len__(self) -> int:
        """Return the number of frames."""
        return self._n_frames

    def __iter__(self) -> Iterator[int]:
        """Draw the order of one epoch."""
        torch.empty((), dtype=torch.int64).random_(generator=self._generator)
        order = torch.randperm(self._n_frames, generator=self._generator)
        if self._n_frames % self._batch_size:
            torch.randperm(self._n_frames, generator=self._generator)
        return iter(order.tolist())


class _Prepared(Dataset[Any]):
    """A dataset of which each frame is prepared once, until those kept take too many bytes."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._kept: dict[int, dict[str, torch.Tensor]] = {}
        self._free = _KEPT_BYTES

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        frame = self._kept.get(index)
        if frame is None:
            frame = self._dataset[index]
            size = sum(value.nbytes for value in frame.values())
            if size <= self._free:
                self._kept[index] = frame
                self._free -= size
        # A model asks for gradients of the tensors of a batch, which may be a single frame's.
        return {key: value.detach() for key, value in frame.items()}

    def __getitems__(self, indices: list[int]) -> list[dict[str, torch.Tensor]]:
        return [self[index] for index in indices]


class _ByValue(Dataset[Any]):
    """A dataset that goes to workers as bytes.

    Torch would move each tensor of each frame to a piece of shared memory of its own, and the
    number of these is limited.
    """

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Any:
        return self._dataset[index]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        return self._dataset.__getitems__(indices)

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_bytes, (pickle.dumps(self._dataset),)


def _from_bytes(content: bytes) -> _ByValue:
    return _ByValue(pickle.loads(content))


def _start_worker(dtype: torch.dtype, _: int) -> None:
    """Give a worker NequIP's default dtype, and a place for its sockets.

    The trainer's temporary folder is in the training's folder, whose path may be longer than the
    108 characters that a socket's may have.
    """
    torch.set_default_dtype(dtype)
    os.environ.pop("TMPDIR", None)
    tempfile.tempdir = None
