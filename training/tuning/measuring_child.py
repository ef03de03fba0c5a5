"""Measuring process: read a task, do it, write the result."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json

from cuprolith.json_files import write_atomically
from training.nequip_runs.child_process import end_with_command
from training.tuning.compiled_models import compile_untrained
from training.tuning.measuring_tasks import CompileTask, DriftTask, MeasureTask, Task


def main() -> None:
    """Read the task file (first argument) and write the result file (second argument)."""
    end_with_command()
    task_file, result_file = map(Path, sys.argv[1:3])
    adapter: TypeAdapter[Task] = TypeAdapter(Task)
    result = _run(adapter.validate_json(task_file.read_bytes()))
    write_atomically(result_file, [to_json(result)])


def _run(task: Task) -> BaseModel | float | None:
    match task:
        case CompileTask():
            compile_untrained(task)
            return None
        case MeasureTask():
            from training.tuning.inference_time import measure

            return measure(task)
        case DriftTask():
            from training.calculator import checkpoint_calculator
            from training.tuning.stability import energy_drift

            task.structure.calc = checkpoint_calculator(task.checkpoint, task.device)
            return energy_drift(task.structure)
