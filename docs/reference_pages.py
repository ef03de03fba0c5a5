"""Make the reference pages of commands, settings and modules from the code."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import typer
import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.cli import get_docs_for_click
from typer.main import get_command

ROOMS = ("generators", "training", "analysis", "workflows", "cuprolith")
# used by the command line only, not from a notebook
INTERNAL = ("workflows.cli", "workflows.hpc", "workflows.vasp_rehearsal", "workflows.jobs")


def write_reference_pages(folder: Path) -> None:
    """Write ``command_line.md``, ``settings.md`` and ``api/*.md`` into a folder."""
    (folder / "api").mkdir(parents=True, exist_ok=True)
    pages = {"command_line.md": command_line_page(), "settings.md": settings_page()}
    pages |= {f"api/{room}.md": api_page(room) for room in ROOMS}
    for name, text in pages.items():
        path = folder / name
        # an unchanged page keeps its date, so that a second build takes seconds
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def command_line_page() -> str:
    """Return every command with its arguments and options, as ``--help`` shows them."""
    from workflows.cli.main import app

    command = get_command(app)
    _show_whole_sentences(command)
    context = typer.Context(command, info_name="cuprolith")
    text = get_docs_for_click(obj=command, ctx=context, name="cuprolith", title="Command line")
    text = text.replace("**Usage**:", "Usage:").replace("```console", "```sh")
    # `<variant>` in a sentence is no HTML; code stays as it is
    pieces = re.split(r"(```.*?```|`[^`\n]*`)", text, flags=re.DOTALL)
    pieces[::2] = [piece.replace("<", "\\<") for piece in pieces[::2]]
    return "".join(pieces)


def _show_whole_sentences(command: Any) -> None:
    """Show the first line of a command's help in lists, where typer cuts it to 45 letters."""
    for inner in getattr(command, "commands", {}).values():
        inner.short_help = (inner.help or "").strip().split("\n\n")[0].replace("\n", " ")
        _show_whole_sentences(inner)


def settings_page() -> str:
    """Return every key of a campaign, a training file and the settings of a cluster."""
    from workflows.hpc.setup.settings import HpcSettings
    from workflows.inputs.campaign import Campaign
    from workflows.inputs.training_file import TrainingFile

    parts = [
        "# Settings\n",
        "Every key of the files that you write, with type, default and meaning. Unknown keys are "
        "refused, with their line and the nearest valid key. The file `campaign.yaml` in a workdir "
        "shows its campaign with all defaults. Each section is shown once: `training` and "
        "`tuning` of a training file are those of a campaign.\n",
    ]
    shown = set()
    for title, model in [
        ("Campaign", Campaign),
        ("Training file", TrainingFile),
        ("Cluster", HpcSettings),
    ]:
        parts.append(f"## {title}\n\n{_first_line(model)}\n")
        for key, section in _sections(model, ""):
            if (key, section) not in shown:
                parts.append(_section(key, section))
            shown.add((key, section))
    return "\n".join(parts)


def _sections(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield a model and the models inside it, each with its dotted key."""
    yield prefix, model
    for name, field in model.model_fields.items():
        key = f"{prefix}.{name}" if prefix else name
        for inner in _models(field.annotation):
            yield from _sections(inner, key)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)


def _section(key: str, model: type[BaseModel]) -> str:
    title = f"### `{key}`{_chosen_by(model)}\n\n{_first_line(model)}\n\n" if key else ""
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else _default(field.get_default())
        meaning = (field.description or _meaning(field.annotation)).replace("|", "\\|")
        rows.append(f"| `{name}` | {_type(field.annotation)} | {default} | {meaning} |")
    return title + "\n".join(rows) + "\n"


def _meaning(annotation: Any) -> str:
    """Return what the section of a key is, if there is only one such section."""
    if typing.get_origin(annotation) is typing.Literal and len(typing.get_args(annotation)) == 1:
        return "chooses this section"
    models = list(_models(annotation))
    return _first_line(models[0]) if len(models) == 1 else "see below" if models else ""


def _chosen_by(model: type[BaseModel]) -> str:
    """Return the key and value that choose one of several models for a section."""
    for name, field in model.model_fields.items():
        values = typing.get_args(field.annotation)
        if typing.get_origin(field.annotation) is typing.Literal and len(values) == 1:
            return f" with `{name}: {values[0]}`"
    return ""


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


def _default(value: Any) -> str:
    if value is None or value is PydanticUndefined:
        return "none"
    if isinstance(value, BaseModel):
        return "see below"
    if value in ((), [], {}, ""):
        return "empty"
    text = yaml.safe_dump(_plain(value), default_flow_style=True, width=1000)
    return f"`{text.splitlines()[0]}`"


def _plain(value: Any) -> Any:
    """Return a value as YAML has it: lists for tuples, text for paths."""
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value if isinstance(value, (bool, int, float, type(None))) else str(value)


def _type(annotation: Any) -> str:
    """Return a type as a person would write it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    inner = dict.fromkeys(
        _type(each) for each in arguments if each not in (type(None), Ellipsis) and _is_type(each)
    )
    if origin is typing.Annotated:
        return next(iter(inner))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(inner)
    if origin in (tuple, list):
        return f"list of {' and '.join(_plural(each) for each in inner)}"
    if origin is dict:
        return f"{_plural(list(inner)[-1])} by name"
    return _TYPE_NAMES.get(annotation, _class_name(annotation))


def _plural(name: str) -> str:
    """Return the plural of a type's name."""
    if name.startswith("list of "):
        return name.replace("list", "lists", 1)
    if " or " in name:
        return f"values ({name})"
    return name if name.startswith("`") or name == "text" else f"{name}s"


_TYPE_NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def _is_type(argument: Any) -> bool:
    return isinstance(argument, type) or typing.get_origin(argument) is not None


def _class_name(annotation: Any) -> str:
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return "section" if is_model else str(getattr(annotation, "__name__", annotation)).lower()


def api_page(room: str) -> str:
    """Return all public functions and classes of a room, from their docstrings."""
    package = import_module(room)
    modules = [
        module.name
        for module in walk_packages(package.__path__, f"{room}.")
        if not module.ispkg and not _is_internal(module.name)
    ]
    parts = [f"# `{room}`\n\n{(package.__doc__ or '').strip()}\n"]
    directive = "```{{eval-rst}}\n.. automodule:: {0}\n   :members:\n```"
    parts += [f"## `{name}`\n\n{directive.format(name)}\n" for name in sorted(modules)]
    return "\n".join(parts)


def _is_internal(name: str) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in INTERNAL)
