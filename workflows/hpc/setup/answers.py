"""Answers to the questions, and defaults for the others, put into a cluster's settings."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Annotated, Any, cast, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from cuprolith.errors import CuprolithError
from workflows.hpc.setup.questions import BY_NAME, QUESTIONS, Data, Question, value_at
from workflows.hpc.setup.settings import HpcSettings
from workflows.inputs.yaml_file import yaml_value


def answered(data: Data, answers: Mapping[str, Any]) -> Data:
    """Return settings' data with answers put where they belong; what is None is left alone."""
    result = deepcopy(data)
    for name, answer in answers.items():
        if answer is None:
            continue
        for key in BY_NAME[name].keys:
            put(result, key, answer)
        if name == "dft_cores" and isinstance(answer, int):
            put(result, "classes.dft-small.tasks_per_node", max(1, answer // 2))
    return result


def with_defaults(data: Data, standing: Data | None = None) -> Data:
    """Return settings' data in which each question that has a default is answered.

    VASP is left out unless it is there: without its command a campaign may still use another
    engine.

    Parameters
    ----------
    standing
        Settings that were there before. What they had to answer stays as they have it: a key that
        is missing there has the value that the settings give it, which may be another default.
    """
    result = deepcopy(data)
    for question in QUESTIONS:
        if standing is not None and question.when(standing):
            continue
        default = question.default_for(result)
        known = value_at(result, question.keys[0]) is not None
        if known or default is None or not question.when(result) or question.name == "vasp_command":
            continue
        result = answered(result, {question.name: default})
    return result


def parsed(question: Question, text: str) -> Any:
    """Return an answer as the settings hold it.

    Raises
    ------
    ValueError
        If it is no good; the message says why.
    """
    text = text.strip()
    if question.several:
        answer: Any = [word.strip() for word in text.split(",") if word.strip()]
    else:
        adapter = _adapter(question.keys[0])
        answer = int(text) if text.isascii() and text.isdigit() and _takes(adapter, 1) else text
    try:
        _adapter(question.keys[0]).validate_python(answer)
    except ValidationError as error:
        messages = [detail["msg"] for detail in error.errors(include_input=False)]
        raise ValueError("; ".join(messages).replace("Value error, ", "")) from None
    return answer


def withdrawn(data: Data, question: Question) -> Data:
    """Return settings' data without what answers a question; sections left empty go, too."""
    result = deepcopy(data)
    for key in question.keys:
        _remove(result, key.split("."))
    return result


def assignment(text: str) -> tuple[str, Any]:
    """Return key and value of ``classes.gpu.memory_gb=64``; the value is YAML.

    Raises
    ------
    CuprolithError
        If it is not of that form.
    """
    key, equals, value = text.partition("=")
    try:
        return key.strip(), yaml_value(value) if equals and key.strip() else _refuse()
    except ValueError as error:
        raise CuprolithError(
            f"--set takes KEY=VALUE{f': {error}' if str(error) else ''}",
            key=key.strip(),
            remedy="for instance --set classes.gpu.memory_gb=64 or "
            '--set "environment.lines=[ulimit -s unlimited]"',
        ) from None


def put(data: Data, key: str, value: Any) -> None:
    """Set what stands at a dotted key; sections that are missing are made."""
    *sections, last = key.split(".")
    for part in sections:
        if not isinstance(data.get(part), dict):
            data[part] = {}
        data = data[part]
    data[last] = value


def _refuse() -> Any:
    raise ValueError


def _takes(adapter: TypeAdapter[Any], value: Any) -> bool:
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        return all(detail["type"] != "string_type" for detail in error.errors())
    return True


def _adapter(key: str) -> TypeAdapter[Any]:
    """Return what checks one value of the settings."""
    model: type[BaseModel] = HpcSettings
    *sections, last = key.split(".")
    for part in sections:
        if part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation)
    field = model.model_fields[last]
    return TypeAdapter(Annotated[field.annotation, *field.metadata, field])  # type: ignore[arg-type]


def _model_in(annotation: Any) -> type[BaseModel]:
    if get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return cast(type[BaseModel], annotation)
    for argument in get_args(annotation):
        if isinstance(argument, type) and issubclass(argument, BaseModel):
            return argument
    raise TypeError(annotation)


def _remove(data: Data, path: list[str]) -> None:
    first, *rest = path
    if not rest:
        data.pop(first, None)
    elif isinstance(data.get(first), dict):
        _remove(data[first], rest)
        if not data[first]:
            del data[first]
