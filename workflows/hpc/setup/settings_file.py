"""Reading and writing a cluster's settings; errors name file, line and key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from workflows.hpc.setup.settings import HpcSettings
from workflows.inputs.campaign_errors import explain
from workflows.inputs.yaml_file import FileKind, content_of, read_yaml, yaml_text

_SETTINGS = FileKind(
    "file of a cluster's settings",
    "`project`, `scheduler`, `classes`",
    "`cuprolith hpc init --dry-run` shows one",
)


def read_settings(path: Path) -> HpcSettings:
    """Read a cluster's settings.

    Raises
    ------
    CuprolithError
        With line, key and remedy of everything that is wrong.
    """
    data, root = read_data(path)
    return checked_settings(data, path, root)


def read_data(path: Path) -> tuple[dict[str, Any], yaml.Node | None]:
    """Return what a settings file holds, and its tree for the places of errors.

    Raises
    ------
    CuprolithError
        If it cannot be read or is no mapping.
    """
    root = read_yaml(path, _SETTINGS)
    return content_of(root), root


def checked_settings(
    data: Mapping[str, Any], path: Path, root: yaml.Node | None = None
) -> HpcSettings:
    """Validate settings from anywhere.

    Parameters
    ----------
    path
        What errors name as their place.

    Raises
    ------
    CuprolithError
        With key and remedy of everything that is wrong.
    """
    try:
        return HpcSettings.model_validate(data)
    except ValidationError as error:
        explained = explain(error, HpcSettings, path, root)
        if root is None:  # flags and answers have no lines
            for part in ("where", "message"):
                text = getattr(explained, part)
                setattr(explained, part, text.replace(f"{path}:1: ", f"{path}: "))
        raise explained from None


def settings_text(settings: HpcSettings) -> str:
    """Return a settings file."""
    text = yaml_text(settings.as_data())
    return "# Written by `cuprolith hpc init`; it holds no password.\n" + text
