"""The training file: one YAML file that says which data, which model, which training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.settings import TrainingSettings
from training.sources import SourceSettings
from training.tuning.settings import TuningSettings
from workflows.campaign_errors import explain
from workflows.errors import CuprolithError
from workflows.tuning_section import check_tuning

EXTENDS = "extends"


class TrainingFileError(CuprolithError):
    """The training file says something impossible."""


class TrainingFile(BaseModel):
    """A validated training file. Unknown keys are refused; values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    data: SourceSettings
    training: TrainingSettings = TrainingSettings()
    tuning: TuningSettings | None = Field(
        default=None, description="a study of the variant's hyper-parameters on the data"
    )

    def limited(self, max_epochs: int | None, max_time: str | None) -> TrainingFile:
        """Return a copy with other epochs or wall-time limit (DD:HH:MM:SS); None changes nothing.

        Raises
        ------
        TrainingFileError
            If a limit is no such number or time.
        """
        given = {"max_epochs": max_epochs, "max_time": max_time}
        content = self.training.model_dump() | {k: v for k, v in given.items() if v is not None}
        try:
            training = TrainingSettings.model_validate(content)
        except ValidationError as error:
            problem = error.errors()[0]
            option = str(problem["loc"][0]).replace("_", "-")
            raise TrainingFileError(
                f"--{option} {problem['input']}: {problem['msg']}",
                remedy="epochs are a whole number from 1; times read DD:HH:MM:SS",
            ) from None
        return self.model_copy(update={"training": training})


def is_training_file(path: Path) -> bool:
    """Whether a YAML file is a training file rather than a campaign; False if it is neither."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and bool({"data", EXTENDS} & content.keys())


def load_training_file(path: Path) -> TrainingFile:
    """Read and validate a training file.

    A file may say ``extends: <file>``, relative to itself: its mappings are merged into those of
    that file key by key, anything else replaces what stands there. Points to start a study from are
    looked for relative to `path`.

    Raises
    ------
    TrainingFileError, CampaignError
        With file, line, key and remedy for everything that is wrong.
    """
    root = _merged(path, ())
    try:
        file = TrainingFile.model_validate(_content(root))
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
    root = _composed(path)
    base = next((value for key, value in root.value if key.value == EXTENDS), None)
    if base is None:
        return root
    where = f"{path}:{base.start_mark.line + 1}: {EXTENDS}"
    if not isinstance(base, yaml.ScalarNode):
        raise TrainingFileError(
            "not the name of a file", where=where, remedy="for instance `extends: common.yaml`"
        )
    below = path.parent / base.value
    if not below.is_file():
        raise TrainingFileError(
            f"no such file: {base.value}",
            where=where,
            remedy="the path is taken relative to the file that names it",
        )
    own = [pair for pair in root.value if pair[0].value != EXTENDS]
    top = yaml.MappingNode(root.tag, own, root.start_mark, root.end_mark)
    return _merge(_merged(below, (*extended_by, path.resolve())), top)


def _composed(path: Path) -> yaml.MappingNode:
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        loader.name = str(path)
        root = loader.get_single_node()
    except FileNotFoundError:
        raise TrainingFileError(
            "no such training file",
            where=str(path),
            remedy="check the path; inputs/paper/ has examples",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingFileError(f"cannot be read: {error}", where=str(path)) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise TrainingFileError(f"not valid YAML: {error.problem}", where=where) from error
    if not isinstance(root, yaml.MappingNode):
        raise TrainingFileError(
            "a training file is a mapping of keys such as `name`, `data`, `training`",
            where=str(path),
            remedy="start from one of inputs/paper/",
        )
    return root


def _merge(below: yaml.MappingNode, above: yaml.MappingNode) -> yaml.MappingNode:
    values = {str(key.value): (key, value) for key, value in below.value}
    for key, value in above.value:
        _, lower = values.get(str(key.value), (None, None))
        if isinstance(lower, yaml.MappingNode) and isinstance(value, yaml.MappingNode):
            values[str(key.value)] = (key, _merge(lower, value))
        else:
            values[str(key.value)] = (key, value)
    return yaml.MappingNode(above.tag, list(values.values()), above.start_mark, above.end_mark)


def _content(root: yaml.MappingNode) -> dict[str, Any]:
    content: dict[str, Any] = yaml.SafeLoader("").construct_document(root)
    return content
