"""Run jobs side by side on one machine, each in a process of its own."""

from __future__ import annotations

import json
import os
import pickle
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from jobflow import Job, JobStore, Response
from maggma.stores import MemoryStore
from monty.json import MontyDecoder, MontyEncoder

from training.nequip_runs.end_with_parent import GuardedContext
from workflows.jobs.disk_space import DiskFullError, is_disk_full
from workflows.jobs.run_records import HeldOutput, HoldingStore
from workflows.jobs.stored_jobs import rebuilt_flow, stored_flow
from workflows.side_by_side import visible_gpus

# Metadata of jobs that may run beside their neighbours in a flow.
SIDE_BY_SIDE = "side_by_side"


@dataclass(frozen=True)
class Ending:
    """How a job ended: with its document and response, or with an error."""

    job: Job
    seconds: float
    output: HeldOutput | None = None
    response: Response | None = None
    error: Exception | None = None


# Parts of a response that hold flows, which pickle does not know how to send.
_FLOWS = ("replace", "detour", "addition")


@dataclass(frozen=True)
class _Running:
    job: Job
    process: SpawnProcess
    connection: Connection
    slot: int
    started: float


def run_side_by_side(
    jobs: Iterable[Job], workers: int, folder: Path, on_start: Callable[[Job], None]
) -> Generator[Ending, None, None]:
    """Run jobs in processes, at most so many at a time, and yield how they end as they do.

    Cores are shared out evenly: ``OMP_NUM_THREADS`` is set where the user has not set it. Where
    there are several GPUs each process sees one. The processes end when the iterator is closed,
    or when this process ends, however that ends.

    Parameters
    ----------
    jobs
        Jobs without references.
    folder
        Working directory of the jobs.
    on_start
        Called before each job.
    """
    waiting = deque(jobs)
    environments = _environments(workers)
    free = list(reversed(range(workers)))
    running: dict[Connection, _Running] = {}
    try:
        while waiting or running:
            while waiting and free:
                job, slot = waiting.popleft(), free.pop()
                on_start(job)
                started = _started(job, slot, environments[slot], folder)
                running[started.connection] = started
            for connection in wait(list(running)):
                assert isinstance(connection, Connection)
                ended = running.pop(connection)
                free.append(ended.slot)
                yield _ending(ended)
    finally:
        for left in running.values():
            left.process.kill()
            left.process.join()


def _environments(workers: int) -> list[dict[str, str]]:
    """Environment of each place: its share of the cores, its GPU."""
    common = {}
    if "OMP_NUM_THREADS" not in os.environ:
        common["OMP_NUM_THREADS"] = str(max(1, len(os.sched_getaffinity(0)) // workers))
    gpus = visible_gpus()
    if len(gpus) < 2:
        return [common] * workers
    return [common | {"CUDA_VISIBLE_DEVICES": gpus[place % len(gpus)]} for place in range(workers)]


def _started(job: Job, slot: int, environment: dict[str, str], folder: Path) -> _Running:
    context = GuardedContext()
    receiver, sender = context.Pipe(duplex=False)
    stored = json.dumps(job, cls=MontyEncoder)
    process = context.Process(
        target=_work, args=(sender, stored, environment, str(folder)), name=job.name
    )
    process.start()
    sender.close()  # ours, so that the end of the process is the end of the pipe
    return _Running(job, process, receiver, slot, time.perf_counter())


def _ending(running: _Running) -> Ending:
    try:
        output, response, error = running.connection.recv()
    except EOFError:
        output = response = error = None
    running.connection.close()
    running.process.join()
    seconds = time.perf_counter() - running.started
    if output is None and error is None:
        code = running.process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        error = RuntimeError(f"the process of {running.job.name!r} {how}")
    for part in _FLOWS if response is not None else ():
        if (sent := getattr(response, part)) is not None:
            setattr(response, part, rebuilt_flow(sent))
    return Ending(running.job, seconds, output, response, error)


def _work(sender: Connection, stored: str, environment: dict[str, str], folder: str) -> None:
    """Run one job in this process and send what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends this process
    os.environ.update(environment)
    os.chdir(folder)
    try:
        job = MontyDecoder().decode(stored)
        store = HoldingStore(JobStore(MemoryStore()))
        store.expect(job)
        response = job.run(store=store)
        for part in _FLOWS:
            if (flow := getattr(response, part)) is not None:
                setattr(response, part, stored_flow(flow))
        message = pickle.dumps((store.release(), response, None))
    except Exception as error:  # noqa: BLE001  # whatever a job raises is the parent's to judge
        message = pickle.dumps((None, None, _sendable(error)))
    sender.send_bytes(message)
    sender.close()


def _sendable(error: Exception) -> Exception:
    """Return an error that survives the way to another process, with its traceback as a note."""
    trace = "".join(traceback.format_exception(error))
    if is_disk_full(error) and not isinstance(error, DiskFullError):
        error = DiskFullError(f"no space left on the disk ({error})")  # its cause stays behind
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  # constructors raise whatever they like
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"In the job's process:\n{trace}")
    return error
