"""Run each measurement in a process of its own; a process that fails is a result too."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

from training.errors import TrainingError
from training.nequip_runs.child_process import (
    child_process,
    end_of_log,
    exit_description,
    python_command,
    with_passive_threads,
)
from training.tuning.measuring_tasks import Task

# Other programs can be the reason for one kill; after two, the model counts as too large.
_ATTEMPTS = 2
# Errors that any model would meet, and what to do.
_GENERAL_ERRORS = {
    "No space left on device": "free some disk space and rerun the same command",
    "InvalidCxxCompiler": "install a C++ compiler (g++), set CXX to one, or measure without "
    "compiling (`inference.compiled: false`)",
    "not compiled with CUDA": "install a CUDA build of torch, or measure on `cpu`",
    "No CUDA GPUs": "measure on a machine with a GPU, or on `cpu`",
    "invalid device ordinal": "choose a GPU that this machine has",
}
_ENVIRONMENT = {
    # Otherwise the number of threads of this process becomes part of the model.
    "TORCHINDUCTOR_CPP_DYNAMIC_THREADS": "1",
    # The check of outputs is useless for a model with random weights.
    "NEQUIP_SKIP_AOTI_MODEL_CHECK": "1",
}


class MeasuringError(RuntimeError):
    """A measuring process failed on its model; the message is the reason, in one line."""


def run_task(task: Task) -> bytes:
    """Do a task in a process of its own, and return its result as JSON.

    Raises
    ------
    MeasuringError
        If the process fails, or is killed twice (as the system does when memory is short).
    TrainingError
        If it fails for a reason that is not the model's: a full disk, no compiler, no such device.
    """
    with tempfile.TemporaryDirectory(prefix="cuprolith-measuring-") as name:
        folder = Path(name)
        (folder / "task.json").write_text(task.model_dump_json())
        for _ in range(_ATTEMPTS):
            code = _run(folder)
            if code != -signal.SIGKILL:
                break
        if code != 0:
            raise _failure(task.task, code, folder / "log")
        return (folder / "result.json").read_bytes()


def _run(folder: Path) -> int:
    command = [
        *python_command("training.tuning.measuring_child", "main()"),
        str(folder / "task.json"),
        str(folder / "result.json"),
    ]
    environment = with_passive_threads({**_ENVIRONMENT, **os.environ})
    with (
        (folder / "log").open("wb") as log,
        child_process(command, folder, environment, log) as process,
    ):
        return process.wait()


def _failure(task: str, code: int, log: Path) -> Exception:
    tail = end_of_log(log)
    for symptom, remedy in _GENERAL_ERRORS.items():
        if symptom in tail:
            return TrainingError(f"cannot {task} a model:\n{tail}\nWhat to do: {remedy}.")
    if code < 0:
        memory = ", perhaps because of too little memory" if code == -signal.SIGKILL else ""
        return MeasuringError(f"{task}: the process {exit_description(code)}{memory}")
    last = tail.rstrip().rpartition("\n")[2].strip()
    return MeasuringError(f"{task}: {last or exit_description(code)}")
