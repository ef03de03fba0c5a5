"""Measuring processes: each measurement has its own, whose end is an answer too."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from training.errors import TrainingError
from training.nequip_runs.child_process import (
    child_process,
    end_of_log,
    exit_description,
    python_command,
    with_passive_threads,
)
from training.tuning.measuring_tasks import CompileTask, DriftTask, MeasureTask

Result = TypeVar("Result", bound=BaseModel)

# A process killed like this may have been in the way of something else; twice is no accident.
_ATTEMPTS = 2
# What fails all models alike, and what to do.
_NOT_THE_MODEL = {
    "No space left on device": "make room on the disk and run the same command again",
    "InvalidCxxCompiler": "install a C++ compiler (g++), set CXX to one, or measure without "
    "compiling (`inference.compiled: false`)",
    "not compiled with CUDA": "install a CUDA build of torch, or measure on `cpu`",
    "No CUDA GPUs": "measure on a machine with a GPU, or on `cpu`",
    "invalid device ordinal": "name a GPU that this machine has",
}
_OURS = {
    # Otherwise this process's number of threads is built into the model.
    "TORCHINDUCTOR_CPP_DYNAMIC_THREADS": "1",
    # Of a model with random weights only the time matters.
    "NEQUIP_SKIP_AOTI_MODEL_CHECK": "1",
}


class MeasuringError(RuntimeError):
    """A measuring process failed on its model; the message is the reason, in one line."""


def run_task(task: MeasureTask | DriftTask, result: type[Result]) -> Result:
    """Do a task in a process of its own.

    Parameters
    ----------
    task
        What to do.
    result
        What comes back.

    Raises
    ------
    MeasuringError
        If the process fails, or is killed twice (as the system does when memory is short).
    TrainingError
        If it fails for what is nothing of the model's: a full disk, no compiler, no such device.
    """
    return result.model_validate_json(_answer(task))


def make_compiled(task: CompileTask) -> None:
    """Compile in a process of its own; the file is whole once this returns.

    Raises
    ------
    MeasuringError, TrainingError
        As `run_task`.
    """
    _answer(task)


def _answer(task: CompileTask | MeasureTask | DriftTask) -> bytes:
    """Return what the child wrote, if it was asked to write anything."""
    with tempfile.TemporaryDirectory(prefix="cuprolith-measuring-") as name:
        folder = Path(name)
        (folder / "task.json").write_text(task.model_dump_json())
        for _ in range(_ATTEMPTS):
            code = _run(folder)
            if code != -signal.SIGKILL:
                break
        if code != 0:
            raise _failure(task.task, code, folder / "log")
        answer = folder / "result.json"
        return answer.read_bytes() if answer.exists() else b""


def _run(folder: Path) -> int:
    command = [
        *python_command("training.tuning.measuring_child", "main()"),
        str(folder / "task.json"),
        str(folder / "result.json"),
    ]
    environment = with_passive_threads({**_OURS, **os.environ})
    with (
        (folder / "log").open("wb") as log,
        child_process(command, folder, environment, log) as process,
    ):
        return process.wait()


def _failure(task: str, code: int, log: Path) -> Exception:
    tail = end_of_log(log)
    for symptom, remedy in _NOT_THE_MODEL.items():
        if symptom in tail:
            return TrainingError(f"cannot {task} a model:\n{tail}\nWhat to do: {remedy}.")
    if code < 0:
        memory = ", perhaps because of too little memory" if code == -signal.SIGKILL else ""
        return MeasuringError(f"{task}: the process {exit_description(code)}{memory}")
    last = tail.rstrip().rpartition("\n")[2].strip()
    return MeasuringError(f"{task}: {last or exit_description(code)}")
