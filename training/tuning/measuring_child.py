"""The measuring process: reads a task, does it, writes the result."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from cuprolith.staged_file import StagedFile
from training.nequip_runs.child_process import end_with_command
from training.tuning.compiled_models import compile_untrained
from training.tuning.measuring_tasks import (
    CompileTask,
    DriftResult,
    DriftTask,
    MeasureTask,
    Task,
)


def main() -> None:
    """Do the task of the file named first, and write its result to the file named second."""
    end_with_command()
    task_file, result_file = map(Path, sys.argv[1:3])
    adapter: TypeAdapter[Task] = TypeAdapter(Task)
    result = _done(adapter.validate_json(task_file.read_bytes()))
    if result is not None:
        with StagedFile(result_file) as file:
            file.write(result.model_dump_json().encode())
            file.commit()


def _done(task: Task) -> BaseModel | None:
    match task:
        case CompileTask():
            compile_untrained(task)
            return None
        case MeasureTask():
            from training.tuning.inference_time import measure

            return measure(task)
        case DriftTask():
            return _drift(task)


def _drift(task: DriftTask) -> DriftResult:
    from training.calculator import checkpoint_calculator
    from training.tuning.stability import energy_drift

    atoms = task.structure.to_atoms()
    atoms.calc = checkpoint_calculator(task.checkpoint, task.device)
    return DriftResult(energy_drift=energy_drift(atoms))
