"""Measure time and memory of calls of a model, in a process that does nothing else.

Importing this module takes seconds (torch, NequIP).
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import torch
from nequip.data import AtomicDataDict
from nequip.model.inference_models import load_compiled_model
from nequip.utils.global_state import set_global_state
from numpy.typing import NDArray

from training.tuning.cost_model import cost_estimate
from training.tuning.machine import watch_other_load
from training.tuning.measuring_tasks import MeasureTask
from training.tuning.trial import NEGLIGIBLE_LOAD, STEADY_SPREAD, InferenceTime, TrialMeasurements
from training.tuning.untrained_model import model_input, untrained_model

# Disturbances make a call slower, never faster: of several rounds the fastest counts. More rounds
# are added while the calls of even that one differ.
_ROUNDS = 3
_MOST_ROUNDS = 10
_LONGEST_SECONDS = 60.0
# With other programs on the cores that the calls need, rounds can be slow although they are steady.
_ATTEMPTS = 3
_PAUSE_SECONDS = 3.0

_PEAK_OF_THIS_PROCESS = Path("/proc/self/status")
_RESET_PEAK = Path("/proc/self/clear_refs")

Call = Callable[[], object]


def measure(task: MeasureTask) -> TrialMeasurements:
    """Measure a model's calls on prepared input: neighbour list and transfers are not counted."""
    set_global_state()
    r_max, atoms = task.training.model.r_max, task.structure
    data = model_input(atoms, task.symbols, r_max, task.device)
    memory = _PeakMemory(task.device)
    call = _call(task, data)
    inference = _inference_time(task, call, data)
    peak = memory.bytes_above_start()
    model = untrained_model(task.training, task.symbols, has_forces=task.has_forces)
    cost = cost_estimate(model, model_input(atoms, task.symbols, r_max))
    return TrialMeasurements(inference=inference, cost=cost, peak_memory_bytes=peak)


def fastest_round(
    call: Call, repeats: int, longest_seconds: float = _LONGEST_SECONDS
) -> NDArray[np.float64]:
    """Return the wall times of the calls of the fastest of several rounds, s.

    Parameters
    ----------
    call
        What to time.
    repeats
        Calls of a round.
    longest_seconds
        No further round starts after this time.
    """
    started, rounds = time.perf_counter(), [_round(call, repeats)]
    while len(rounds) < _MOST_ROUNDS and time.perf_counter() - started < longest_seconds:
        fastest = min(rounds, key=np.median)
        if len(rounds) >= _ROUNDS and spread(fastest) < STEADY_SPREAD:
            break
        rounds.append(_round(call, repeats))
    return min(rounds, key=np.median)


def spread(seconds: NDArray[np.float64]) -> float:
    """Return the interquartile range over the median."""
    low, median, high = np.quantile(seconds, (0.25, 0.5, 0.75))
    return float((high - low) / median)


def _round(call: Call, repeats: int) -> NDArray[np.float64]:
    seconds = np.empty(repeats)
    for index in range(repeats):
        started = time.perf_counter()
        call()
        seconds[index] = time.perf_counter() - started
    return seconds


def _call(task: MeasureTask, data: AtomicDataDict.Type) -> Call:
    """Return a call of the model that ends when the device has finished."""
    if task.compiled is None:
        model = untrained_model(task.training, task.symbols, has_forces=task.has_forces)
        model = model.to(task.device)
    else:
        model, _ = load_compiled_model(str(task.compiled), task.device)
    if torch.device(task.device).type != "cuda":
        return lambda: model(dict(data))

    def synchronized() -> None:
        model(dict(data))
        torch.cuda.synchronize(task.device)

    return synchronized


def _inference_time(task: MeasureTask, call: Call, data: AtomicDataDict.Type) -> InferenceTime:
    for _ in range(task.inference.warm_up):
        call()
    gc.disable()  # this process ends soon
    # Only where time is an objective are disturbed measurements repeated.
    attempts = _ATTEMPTS if task.inference.objective == "time" else 1
    seconds, other_load = _least_disturbed(call, task.inference.repeats, attempts)
    n_atoms = len(data[AtomicDataDict.POSITIONS_KEY])
    return InferenceTime(
        per_atom_seconds=float(np.median(seconds)) / n_atoms,
        spread=spread(seconds),
        n_atoms=n_atoms,
        n_edges=data[AtomicDataDict.EDGE_INDEX_KEY].shape[1],
        repeats=task.inference.repeats,
        compiled=task.compiled is not None,
        device=_device_name(task.device),
        dtype=task.training.dtype,
        threads=torch.get_num_threads(),
        cores=psutil.cpu_count() or 1,
        other_load=other_load,
    )


def _least_disturbed(
    call: Call, repeats: int, most_attempts: int
) -> tuple[NDArray[np.float64], float]:
    """Return a round of calls, and the cores that other programs kept busy meanwhile.

    The measurement is repeated after a pause while too few cores are free; the fastest counts.
    """
    free_cores = (psutil.cpu_count() or 1) - torch.get_num_threads()
    attempts: list[tuple[NDArray[np.float64], float]] = []
    while True:
        other_load = watch_other_load()
        seconds = fastest_round(call, repeats)
        attempts.append((seconds, other_load()))
        if attempts[-1][1] <= free_cores + NEGLIGIBLE_LOAD or len(attempts) == most_attempts:
            break
        time.sleep(_PAUSE_SECONDS)
    return min(attempts, key=lambda attempt: float(np.median(attempt[0])))


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else device


class _PeakMemory:
    """Peak memory from now on: of torch's tensors on a GPU, else of this process."""

    def __init__(self, device: str) -> None:
        self._cuda = torch.device(device) if torch.device(device).type == "cuda" else None
        if self._cuda is not None:
            torch.cuda.reset_peak_memory_stats(self._cuda)
            self._baseline = 0
            return
        with suppress(OSError):  # without it, the peak of the imports counts as well
            _RESET_PEAK.write_text("5")
        self._baseline = psutil.Process().memory_info().rss

    def bytes_above_start(self) -> int:
        """Return the peak above the memory at the start."""
        if self._cuda is not None:
            return torch.cuda.max_memory_allocated(self._cuda)
        return max(0, _peak_resident_bytes() - self._baseline)


def _peak_resident_bytes() -> int:
    """Largest resident memory of this process.

    getrusage does not help: it includes the peak of the parent process.
    """
    try:
        lines = _PEAK_OF_THIS_PROCESS.read_text().splitlines()
    except OSError:
        return int(psutil.Process().memory_info().rss)
    (peak,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024
