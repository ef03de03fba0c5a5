"""Call a function in parallel processes, each with its share of the machine."""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Generic, TypeVar

from training.nequip_runs.child_process import exit_description
from training.nequip_runs.end_with_parent import GuardedContext

T = TypeVar("T")

_GPUS = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class _Running(Generic[T]):
    item: T
    process: SpawnProcess
    connection: Connection
    place: int


def run_in_processes(
    function: Callable[[T], object],
    items: Iterable[T],
    places: Sequence[dict[str, str]],
) -> Generator[tuple[T, Exception | None], None, None]:
    """Call a function on every item, in as many processes at a time as there are places.

    The processes end when the iterator is closed, or when this process ends, however that ends.

    Parameters
    ----------
    function
        Function of a module; what it returns is ignored.
    items
        Its arguments; must be picklable.
    places
        Variables of the environment of each process (:func:`even_shares`, :func:`one_gpu_each`).

    Yields
    ------
    Item and the error of its call, None if it succeeded, in the order in which they end.
    """
    waiting, free = deque(items), list(reversed(range(len(places))))
    running: dict[Connection, _Running[T]] = {}
    try:
        while waiting or running:
            while waiting and free:
                item, place = waiting.popleft(), free.pop()
                started = _started(function, item, place, places[place])
                running[started.connection] = started
            for connection in wait(list(running)):
                assert isinstance(connection, Connection)
                ended = running.pop(connection)
                free.append(ended.place)
                yield _ending(ended)
    finally:
        for left in running.values():
            left.process.kill()
            left.process.join()


def even_shares(workers: int) -> list[dict[str, str]]:
    """Return places with equal shares of the cores, and one GPU each where there are several.

    ``OMP_NUM_THREADS`` is not changed if it is set.
    """
    common = {}
    if "OMP_NUM_THREADS" not in os.environ:
        common["OMP_NUM_THREADS"] = str(max(1, len(os.sched_getaffinity(0)) // workers))
    gpus = visible_gpus()
    if len(gpus) < 2:
        return [common] * workers
    return [common | {_GPUS: gpus[place % len(gpus)]} for place in range(workers)]


def one_gpu_each(gpus: Iterable[str]) -> list[dict[str, str]]:
    """Return one place per GPU."""
    return [{_GPUS: gpu} for gpu in gpus]


def visible_gpus() -> list[str]:
    """Names of the GPUs this process may use, as ``CUDA_VISIBLE_DEVICES`` takes them."""
    import torch

    n_gpus = torch.cuda.device_count()
    named = [name for name in os.environ.get(_GPUS, "").split(",") if name]
    return named[:n_gpus] if named else [str(index) for index in range(n_gpus)]


def _started(
    function: Callable[[T], object], item: T, place: int, environment: dict[str, str]
) -> _Running[T]:
    context = GuardedContext()
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(function, item, environment, sender))
    process.start()
    sender.close()  # then the pipe ends with the process
    return _Running(item, process, receiver, place)


def _ending(running: _Running[T]) -> tuple[T, Exception | None]:
    error: Exception | None
    try:
        error = running.connection.recv()
    except EOFError:
        running.process.join()
        error = RuntimeError(f"the process {exit_description(running.process.exitcode or 0)}")
    running.connection.close()
    running.process.join()
    return running.item, error


def _call(
    function: Callable[[T], object], item: T, environment: dict[str, str], sender: Connection
) -> None:
    """Call the function in this process and send its error, or None."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
    os.environ.update(environment)
    error: Exception | None = None
    try:
        function(item)
    except Exception as raised:  # noqa: BLE001  # the parent handles any error
        error = _sendable(raised)
    sender.send(error)
    sender.close()


def _sendable(error: Exception) -> Exception:
    """Return an error that can be pickled, with its traceback as a note."""
    trace = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  # constructors may raise any error
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"In the process:\n{trace}")
    return error
