"""Run the NequIP commands that make one file as child processes, and explain failures."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Literal

from cuprolith.staged_file import sync_folder
from training.errors import TrainingError
from training.nequip_runs.child_process import (
    child_process,
    end_of_log,
    end_with_command,
    exit_description,
    python_command,
    remedy_for,
)

Command = Literal["compile", "package"]

_REMEDIES = {
    "InvalidCxxCompiler": "install a C++ compiler (g++), or set CXX to one",
    "MaxAbsError": "the compiled model differs from the original by more than NequIP accepts; set "
    "`dtype: float64`, or raise NEQUIP_FLOAT32_MODEL_TOL if the error is small against MaxAbs",
    "KeyError: 'forces'": "a model trained on energies alone has no forces to deploy; train it on "
    "frames with forces",
    "No such file or directory": "the files that the model was trained on must be where they "
    "were then: NequIP takes an example from them",
    "No CUDA": "compile on a machine with a GPU, or for `cpu`",
    "not compiled with CUDA": "install a CUDA build of torch, or compile for `cpu`",
    "out of memory": "make room in memory, or compile on a larger machine",
    "No space left on device": "make room on the disk and run the same command again",
}


def make_with_nequip(out: Path, command: Command, before: list[str], after: list[str]) -> None:
    """Run ``nequip-<command> *before OUT *after``; `out` appears complete or not at all.

    The command works in a folder that is removed; torch keeps its compiler cache in its usual
    place.

    Parameters
    ----------
    out
        The file to make; its folder is made as well.
    command
        Which command.
    before, after
        Its arguments before and after the path of the output.

    Raises
    ------
    TrainingError
        If the command fails; with the end of its log, which stays at ``<out>.log``, and what to do.
    """
    log_file = out.with_name(f"{out.name}.log")
    scratch = out.with_name(f".{out.name}.partial")
    shutil.rmtree(scratch, ignore_errors=True)  # of a killed run
    scratch.mkdir(parents=True)
    try:
        made = scratch / out.name
        code = _run(command, [*before, str(made), *after], scratch, log_file)
        if code != 0 or not made.is_file():
            raise _failure(command, code, log_file)
        made.replace(out)
        sync_folder(out.parent)
        log_file.unlink()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def main() -> None:
    """Run ``nequip.scripts.<first argument>`` with the rest; the child's side."""
    end_with_command()
    import_module(f"nequip.scripts.{sys.argv.pop(1)}").main()


def _run(command: Command, arguments: list[str], scratch: Path, log_file: Path) -> int:
    child = [*python_command("training.nequip_runs.nequip_command", "main()"), command, *arguments]
    with (
        log_file.open("wb") as log,
        child_process(child, scratch, _environment(), log) as process,
    ):
        return process.wait()


def _environment() -> dict[str, str]:
    """Return the user's environment, with one default of ours."""
    # Otherwise the compiling process's number of threads is built into the model.
    return {"TORCHINDUCTOR_CPP_DYNAMIC_THREADS": "1", **os.environ}


def _failure(command: Command, code: int, log_file: Path) -> TrainingError:
    how = exit_description(code) + (", perhaps because memory ran out" if code < 0 else "")
    remedy = remedy_for(log_file.read_text(errors="replace"), _REMEDIES, "see the message above")
    return TrainingError(
        f"nequip-{command} {how}. The end of {log_file}:\n{end_of_log(log_file)}\n"
        f"What to do: {remedy}."
    )
