"""Explain validation errors: file, line, key, nearest valid key, and likely wrong unit."""

from __future__ import annotations

import difflib
import re
import reprlib
import typing
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from cuprolith.errors import CuprolithError

# Factors by which a value misses its range when it was written in another unit.
_OTHER_UNITS: dict[str, tuple[tuple[float, str], ...]] = {
    "Å": ((10.0, "nm"), (0.01, "pm"), (1e10, "m")),
    "fs": ((1000.0, "ps"), (1e15, "s"), (0.001, "as")),
    "eV/Å": ((0.001, "meV/Å"),),
    "K/ps": ((0.001, "K/ns"), (1e-12, "K/s")),
}
_MOST_DETAILS = 200
_MOST_SHOWN = 20
_HINTS = {
    "int_type": "write a whole number, without quotes and unit",
    "int_from_float": "write a whole number",
    "float_type": "write a number, without quotes and unit",
    "bool_type": "write true or false",
    "string_type": "write text",
    "finite_number": "give a finite number",
    "model_type": "write its keys below it, indented, as `key: value`",
    "dict_type": "write its keys below it, indented, as `key: value`",
    "tuple_type": "write a list, such as [1, 2]",
    "unknown_name": "write its keys below it, indented, as `key: value`",
}
# PyYAML's file name of a tree that was composed from a text.
_NAMELESS = "<unicode string>"


class CampaignError(CuprolithError):
    """The campaign file is not valid."""


def explain(
    error: ValidationError, model: type[BaseModel], path: Path, root: yaml.Node | None
) -> CampaignError:
    """Build one error that names every problem with its line, key and remedy."""
    details = error.errors(include_url=False)
    found = [_problem(detail, model, path, root) for detail in details[:_MOST_DETAILS]]
    problems: dict[str, tuple[str, str]] = {}
    for detail, (where, message, remedy) in zip(details, found, strict=False):
        # A value that fits none of several types is reported once.
        if where not in problems or not detail["type"].endswith("_type"):
            problems[where] = message, remedy
    if len(problems) == 1:
        ((where, (message, remedy)),) = problems.items()
        return CampaignError(message, where=where, remedy=remedy)
    shown = list(problems.items())[:_MOST_SHOWN]
    lines = [f"{where}: {message}\n    → {remedy}" for where, (message, remedy) in shown]
    more = ["..."] if len(problems) > len(shown) or len(details) > len(found) else []
    return CampaignError(
        f"{len(problems)}{'+' if len(details) > len(found) else ''} problems\n  "
        + "\n  ".join(lines + more),
        where=str(path),
        remedy="fix these and try again" if more else "",
    )


def _problem(
    detail: ErrorDetails, model: type[BaseModel], path: Path, root: yaml.Node | None
) -> tuple[str, str, str]:
    # The last part of these is a key, whatever letters it is made of.
    is_key = detail["type"] in {"extra_forbidden", "missing"}
    loc, parent, union = _located(model, detail["loc"], ends_with_key=is_key)
    key = ".".join(f"[{part}]" if isinstance(part, int) else part for part in loc)
    key = key.replace(".[", "[")
    where = f"{place_of(root, loc, path)}: {key}" if key else str(path)
    valid = sorted(parent.model_fields) if parent else []
    if detail["type"] == "extra_forbidden":
        nearest = difflib.get_close_matches(str(loc[-1]), valid, n=1, cutoff=0.5)
        remedy = f"did you mean `{nearest[0]}`? " if nearest else ""
        if owners := _owners(union, str(loc[-1])):
            remedy = f"it is a key of {' and '.join(owners)}; "
        return where, "unknown key", f"{remedy}valid keys here: {', '.join(valid)}"
    if detail["type"] == "missing" and isinstance(loc[-1], int):
        return where, f"value {loc[-1] + 1} is missing", "give as many values as the key takes"
    if detail["type"] == "missing":
        return where, "missing", f"add `{loc[-1]}: ...`{_described(parent, loc)}"
    if detail["type"] == "unknown_name":
        return _unknown_name(detail, loc, path, root)
    message = f"{detail['msg'].removeprefix('Value error, ')} (got {_shortened(detail['input'])})"
    if detail["type"] == "value_error":
        message = detail["msg"].removeprefix("Value error, ")
    remedy = (
        _unit_hint(detail, parent, loc)
        or _type_hint(detail)
        or f"correct it{_described(parent, loc)}"
    )
    return where, message, remedy


def _unknown_name(
    detail: ErrorDetails, loc: tuple[int | str, ...], path: Path, root: yaml.Node | None
) -> tuple[str, str, str]:
    """Return the problem of a key that selects a member of a union: its valid names."""
    context = detail["ctx"]
    if not isinstance(detail["input"], dict):
        where = f"{place_of(root, loc, path)}: {'.'.join(map(str, loc))}"
        return where, f"keys expected (got {_shortened(detail['input'])})", _type_hint(detail)
    loc = (*loc, context["key"])
    given, names = detail["input"][context["key"]], context["names"].split(", ")
    nearest = difflib.get_close_matches(str(given), names, n=1, cutoff=0.5)
    hint = f"did you mean `{nearest[0]}`? " if nearest else ""
    where = f"{place_of(root, loc, path)}: {'.'.join(map(str, loc))}"
    return where, f"unknown (got {_shortened(given)})", f"{hint}valid here: {context['names']}"


def _type_hint(detail: ErrorDetails) -> str:
    """Return what to write in place of a value of another type."""
    kind, given = detail["type"], detail["input"]
    if given is None:
        return "the key has no value: remove it, or write the value"
    if kind == "string_type" and isinstance(given, bool | int | float):
        return f'quote it: "{given}"'
    return _HINTS.get(kind, "")


def _shortened(value: Any) -> str:
    shorter = reprlib.Repr()
    shorter.maxstring = shorter.maxother = 100
    return shorter.repr(value)


def _is_union_tag(part: int | str) -> bool:
    """Pydantic adds the tried type to the location of union members, and of keys."""
    is_type = isinstance(part, str) and part in {"bool", "int", "float", "str"}
    return is_type or (isinstance(part, str) and ("[" in part or "(" in part))


def _described(parent: type[BaseModel] | None, loc: tuple[int | str, ...]) -> str:
    field = parent.model_fields.get(str(loc[-1])) if parent and loc else None
    return f" ({field.description})" if field is not None and field.description else ""


def _unit_hint(
    detail: ErrorDetails, parent: type[BaseModel] | None, loc: tuple[int | str, ...]
) -> str:
    """Return a hint if the value would be valid in another unit; "" otherwise."""
    field = parent.model_fields.get(str(loc[-1])) if parent and loc else None
    value = detail["input"]
    if field is None or not field.description or not isinstance(value, int | float):
        return ""
    for unit, alternatives in _OTHER_UNITS.items():
        if not field.description.endswith(f", {unit}"):
            continue
        for factor, other in alternatives:
            if _in_range(detail, value * factor):
                return (
                    f"the unit is {unit}; {value:g} {other} would be {value * factor:g} {unit}"
                    f" ({field.description})"
                )
    return ""


def _in_range(detail: ErrorDetails, value: float) -> bool:
    bounds = detail.get("ctx", {})
    return (
        value > bounds.get("gt", -float("inf"))
        and value >= bounds.get("ge", -float("inf"))
        and value < bounds.get("lt", float("inf"))
        and value <= bounds.get("le", float("inf"))
        # The violated bound alone is known: the corrected value should also be near it.
        and abs(value) < 1e3 * max((abs(b) for b in bounds.values()), default=1.0)
        and bool(bounds)
    )


def place_of(root: yaml.Node | None, loc: tuple[int | str, ...], path: Path) -> str:
    """File and line (from 1) of a key, or of the innermost part of it that exists.

    A tree merged from several files knows the file of each node; else it is `path`.
    """
    if root is None:
        return f"{path}:1"
    node, mark = root, root.start_mark
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            for key_node, value_node in node.value:
                if key_node.value == str(part):
                    node, mark = value_node, key_node.start_mark
                    break
            else:
                break
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                break
            node = node.value[part]
            mark = node.start_mark
        else:
            break
    file = path if mark.name == _NAMELESS else mark.name
    return f"{file}:{mark.line + 1}"


def place_of_key(path: Path, key: str) -> str:
    """File and line of a key such as ``structures.slabs[0].vacuum``, as `place_of`."""
    parts = re.findall(r"\[(\d+)\]|([^.\[\]]+)", key)
    loc = tuple(int(index) if index else name for index, name in parts)
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError):
        return str(path)
    return place_of(root, loc, path)


def _located(
    model: type[BaseModel], loc: tuple[int | str, ...], *, ends_with_key: bool
) -> tuple[tuple[int | str, ...], type[BaseModel] | None, Any]:
    """Location without what pydantic adds for members of unions; the model and union holding it."""
    annotation: Any = model
    union: Any = None
    parent = _find_model(model)
    keys: list[int | str] = []
    for place, part in enumerate(loc, start=1):
        is_last_key = ends_with_key and place == len(loc)
        if _is_union_tag(part) and not is_last_key:
            continue
        member = _tagged_member(annotation, part)
        if member is not None and not is_last_key:
            annotation, union = member, annotation
            continue
        keys.append(part)
        parent = _find_model(annotation)
        if isinstance(part, str) and parent is not None and part in parent.model_fields:
            annotation = parent.model_fields[part].annotation
        # list indices and the keys of mappings stay at the same annotation
        if place < len(loc):
            union = None
    return tuple(keys), parent, union


def _owners(union: Any, key: str) -> list[str]:
    """Members of a tagged union that have a key, as the key that chooses them and its value."""
    models = (_find_model(member) for member in typing.get_args(union))
    return [
        f"`{name}: {field.default}`"
        for model in models
        if model is not None and key in model.model_fields
        for name, field in model.model_fields.items()
        if typing.get_origin(field.annotation) is typing.Literal
        and len(typing.get_args(field.annotation)) == 1
    ]


def _tagged_member(annotation: Any, tag: int | str) -> type[BaseModel] | None:
    """Member of a union that a tag selects, which is a ``Tag`` or a ``Literal`` field's value."""
    for member in typing.get_args(annotation):
        if any(isinstance(mark, Tag) and mark.tag == tag for mark in typing.get_args(member)):
            return _find_model(member)
        if typing.get_args(member):
            found = _tagged_member(member, tag)
            if found is not None:
                return found
        if isinstance(member, type) and issubclass(member, BaseModel):
            for field in member.model_fields.values():
                literal = typing.get_origin(field.annotation) is typing.Literal
                if literal and tag in typing.get_args(field.annotation):
                    return member
    return None


def _find_model(annotation: Any) -> type[BaseModel] | None:
    """First pydantic model inside an annotation such as ``tuple[SlabSettings, ...] | None``."""
    if typing.get_origin(annotation) is None:
        is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        return annotation if is_model else None
    for argument in typing.get_args(annotation):
        found = _find_model(argument)
        if found is not None:
            return found
    return None
