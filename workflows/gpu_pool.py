"""Run jobs side by side, one per GPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing.queues import Queue
from typing import TypeVar

from training.nequip_runs.end_with_parent import GuardedContext

T = TypeVar("T")

_VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible_gpus() -> list[str]:
    """Names of the GPUs this process may use, as ``CUDA_VISIBLE_DEVICES`` takes them."""
    import torch

    n_gpus = torch.cuda.device_count()
    named = [name for name in os.environ.get(_VISIBLE, "").split(",") if name]
    return named[:n_gpus] if named else [str(index) for index in range(n_gpus)]


def run_on_gpus(
    job: Callable[[T], None], items: Sequence[T], gpus: Sequence[str]
) -> Iterator[tuple[T, BaseException | None]]:
    """Call a function on every item, in as many processes as there are GPUs, each with its own.

    The processes end when this one does, however that ends.

    Parameters
    ----------
    job
        Function of a module.
    items
        What it is called with; must be picklable.
    gpus
        Values of ``CUDA_VISIBLE_DEVICES``.

    Yields
    ------
    Item and the error of its job, None where it ended well, in the order in which they end.
    """
    context = GuardedContext()
    free = context.Queue()
    for gpu in gpus:
        free.put(gpu)
    pool = ProcessPoolExecutor(len(gpus), context, _take_gpu, (free,))
    try:
        futures: dict[Future[None], T] = {pool.submit(job, item): item for item in items}
        for future in as_completed(futures):
            yield futures[future], future.exception()
    finally:
        pool.shutdown(cancel_futures=True)


def _take_gpu(free: Queue[str]) -> None:
    os.environ[_VISIBLE] = free.get()
