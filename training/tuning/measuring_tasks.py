"""Tasks of measuring processes, as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from training.tuning.example_structure import ExampleStructure
from training.tuning.settings import InferenceSettings
from training.variant_settings import AnyTraining


class _Task(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    structure: ExampleStructure
    device: str


class ModelTask(_Task):
    """Task for the untrained model of a training, with symbols and forces as in its frames."""

    training: AnyTraining
    symbols: tuple[str, ...]
    has_forces: bool


class CompileTask(ModelTask):
    """Compile a model to a file; gives nothing."""

    task: Literal["compile"] = "compile"
    out: Path


class MeasureTask(ModelTask):
    """Measure time and memory of a model's calls, and count their operations: `TrialMeasurements`.

    Attributes
    ----------
    compiled
        File of the compiled model; None measures without compiling.
    """

    task: Literal["measure"] = "measure"
    inference: InferenceSettings
    compiled: Path | None


class DriftTask(_Task):
    """Run molecular dynamics with a trained model; gives its energy drift, eV/atom."""

    task: Literal["drift"] = "drift"
    checkpoint: Path


Task = Annotated[CompileTask | MeasureTask | DriftTask, Field(discriminator="task")]
