"""Training files: one YAML file with data, model and training."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from cuprolith.errors import CuprolithError
from cuprolith.settings import Seed, Settings
from training.frame_sources.settings import AnySource
from training.tuning.settings import TuningSettings
from training.variant_settings import AnyTraining, default_training
from workflows.inputs.campaign_errors import explain
from workflows.inputs.names import Name, is_file
from workflows.inputs.tuning_section import check_tuning
from workflows.inputs.yaml_file import FileKind, content_of, read_yaml

EXTENDS = "extends"
_TRAINING_FILE = FileKind(
    "training file", "`name`, `data`, `training`", "inputs/paper/ has examples"
)
_EITHER = FileKind(
    "campaign or training file",
    "`name`, and `crystals` or `data`",
    "inputs/quickstart.yaml and inputs/paper/ are examples",
)


class TrainingFileError(CuprolithError):
    """The training file is not valid."""


class TrainingFile(Settings):
    """A validated training file. Unknown keys are refused; values are immutable."""

    name: Name = Field(description="names the folder of its trainings")
    seed: Seed = Field(
        default=0, description="decides the start of the training, and splits that are drawn"
    )
    data: AnySource
    training: AnyTraining = Field(default_factory=default_training)
    tuning: TuningSettings | None = Field(
        default=None, description="a study of the variant's hyper-parameters on the data"
    )

    def limited(self, max_epochs: int | None, max_time: str | None) -> TrainingFile:
        """Return a copy with other epochs or wall-time limit (DD:HH:MM:SS); None changes nothing.

        Raises
        ------
        TrainingFileError
            If a limit is not a valid number or time.
        """
        given = {"max_epochs": max_epochs, "max_time": max_time}
        content = self.training.model_dump() | {k: v for k, v in given.items() if v is not None}
        try:
            training = type(self.training).model_validate(content)
        except ValidationError as error:
            problem = error.errors()[0]
            option = str(problem["loc"][0]).replace("_", "-")
            raise TrainingFileError(
                f"--{option} {problem['input']}: {problem['msg']}",
                remedy="epochs are a whole number from 1; times read DD:HH:MM:SS",
            ) from None
        return self.model_copy(update={"training": training})


def is_training_file(path: Path) -> bool:
    """Whether a YAML file is a training file rather than a campaign; False if it is neither.

    Raises
    ------
    CampaignError
        If it cannot be read as YAML, so that its kind is unknown.
    """
    root = read_yaml(path, _EITHER)
    return bool({"data", EXTENDS} & {key.value for key, _ in root.value})


def load_training_file(path: Path) -> TrainingFile:
    """Read and validate a training file.

    A file may say ``extends: <file>``, relative to itself: its mappings are merged into those of
    that file key by key, anything else replaces what is there. Points to start a study from are
    looked for relative to `path`.

    Raises
    ------
    TrainingFileError, CampaignError
        With file, line, key and remedy for everything that is wrong.
    """
    root = _merged(path, ())
    try:
        file = TrainingFile.model_validate(content_of(root))
    except ValidationError as error:
        raise explain(error, TrainingFile, path, root) from None
    check_tuning(file.training, file.tuning, path, root)
    if file.tuning is None:
        return file
    return file.model_copy(update={"tuning": file.tuning.with_absolute_files(path.parent)})


def _merged(path: Path, extended_by: tuple[Path, ...]) -> yaml.MappingNode:
    """Compose a file and what it extends into one tree, whose nodes know file and line."""
    if path.resolve() in extended_by:
        raise TrainingFileError("files extend each other in a circle", where=str(path))
    root = read_yaml(path, _TRAINING_FILE)
    base = next((value for key, value in root.value if key.value == EXTENDS), None)
    if base is None:
        return root
    where = f"{path}:{base.start_mark.line + 1}: {EXTENDS}"
    if not isinstance(base, yaml.ScalarNode):
        raise TrainingFileError(
            "not the name of a file", where=where, remedy="for instance `extends: common.yaml`"
        )
    below = path.parent / base.value
    if not is_file(below):
        raise TrainingFileError(
            f"no such file: {base.value}",
            where=where,
            remedy="the path is taken relative to the file that names it",
        )
    own = [pair for pair in root.value if pair[0].value != EXTENDS]
    top = yaml.MappingNode(root.tag, own, root.start_mark, root.end_mark)
    return _merge(_merged(below, (*extended_by, path.resolve())), top)


def _merge(below: yaml.MappingNode, above: yaml.MappingNode) -> yaml.MappingNode:
    values = {str(key.value): (key, value) for key, value in below.value}
    for key, value in above.value:
        _, lower = values.get(str(key.value), (None, None))
        if isinstance(lower, yaml.MappingNode) and isinstance(value, yaml.MappingNode):
            values[str(key.value)] = (key, _merge(lower, value))
        else:
            values[str(key.value)] = (key, value)
    return yaml.MappingNode(above.tag, list(values.values()), above.start_mark, above.end_mark)
