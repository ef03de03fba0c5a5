"""Call a function side by side on one machine, each call in a process of its own."""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Generic, TypeVar, cast

from training.nequip_runs.end_with_parent import GuardedContext

Item = TypeVar("Item")
Environment = Mapping[str, str]

_VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class _Call(Generic[Item]):
    item: Item
    environment: Environment
    process: SpawnProcess


def run_side_by_side(
    function: Callable[[Item], object], items: Sequence[Item], environments: Sequence[Environment]
) -> Generator[tuple[Item, Exception | None], None, None]:
    """Call a function on every item, as many at a time as there are environments.

    The processes end when the iterator is closed, or when this process ends, however that ends.

    Parameters
    ----------
    function
        Of a module; what it returns is ignored.
    items
        What it is called with; must be picklable.
    environments
        Environment variables of the calls; each is one call's at a time.

    Yields
    ------
    Item and the error of its call, None where there is none, in the order in which they end.
    """
    waiting, free = deque(items), list(reversed(environments))
    running: dict[Connection, _Call[Item]] = {}
    try:
        while waiting or running:
            while waiting and free:
                connection, call = _started(function, waiting.popleft(), free.pop())
                running[connection] = call
            for ready in wait(list(running)):
                connection = cast("Connection", ready)
                call = running.pop(connection)
                free.append(call.environment)
                yield call.item, _error(connection, call.process)
    finally:
        for call in running.values():
            call.process.kill()
            call.process.join()


def shares_of_this_machine(n: int) -> list[Environment]:
    """Return the environments of `n` calls that share this machine.

    Cores are shared out evenly: ``OMP_NUM_THREADS`` is set where the user has not set it. Where
    there are several GPUs each call sees one.
    """
    common = {}
    if "OMP_NUM_THREADS" not in os.environ:
        common["OMP_NUM_THREADS"] = str(max(1, len(os.sched_getaffinity(0)) // n))
    gpus = visible_gpus()
    if len(gpus) < 2:
        return [common] * n
    return [{**common, **one_gpu(gpus[place % len(gpus)])} for place in range(n)]


def one_gpu(name: str) -> Environment:
    """Return the environment in which only one GPU is seen."""
    return {_VISIBLE: name}


def visible_gpus() -> list[str]:
    """Names of the GPUs this process may use, as ``CUDA_VISIBLE_DEVICES`` takes them."""
    import torch

    n_gpus = torch.cuda.device_count()
    named = [name for name in os.environ.get(_VISIBLE, "").split(",") if name]
    return named[:n_gpus] if named else [str(index) for index in range(n_gpus)]


def _started(
    function: Callable[[Item], object], item: Item, environment: Environment
) -> tuple[Connection, _Call[Item]]:
    context = GuardedContext()
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, function, item, dict(environment)))
    process.start()
    sender.close()  # ours, so that the end of the process is the end of the pipe
    return receiver, _Call(item, environment, process)


def _error(connection: Connection, process: SpawnProcess) -> Exception | None:
    """Return how a call ended."""
    try:
        error: Exception | None = connection.recv()
    except EOFError:
        process.join()
        code = process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        error = RuntimeError(f"the process {how}")
    connection.close()
    process.join()
    return error


def _work(
    sender: Connection, function: Callable[[Item], object], item: Item, environment: Environment
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends this process
    os.environ.update(environment)
    try:
        function(item)
    except Exception as error:  # noqa: BLE001  # whatever is raised is for the caller to judge
        sender.send_bytes(pickle.dumps(_sendable(error)))
    else:
        sender.send(None)
    sender.close()


def _sendable(error: Exception) -> Exception:
    """Return an error that survives the way to another process, with its traceback as a note."""
    trace = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  # constructors raise whatever they like
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"In its own process:\n{trace}")
    return error
