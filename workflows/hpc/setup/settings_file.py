"""Reading and writing a cluster's settings; errors name file, line and key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from workflows.campaign_errors import explain
from workflows.errors import CuprolithError
from workflows.hpc.setup.settings import HpcSettings

_EXAMPLE = "`cuprolith hpc init --dry-run` shows one"


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
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CuprolithError(
            f"cannot be read: {error}", where=str(path), remedy=f"check the path; {_EXAMPLE}"
        ) from None
    try:
        data = yaml.safe_load(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or "cannot be parsed"
        # `from None`: PyYAML's own message quotes the line
        raise CuprolithError(f"not valid YAML: {problem}", where=where, remedy=_EXAMPLE) from None
    if not isinstance(data, dict):
        raise CuprolithError(
            "settings are a mapping of keys such as `project`, `scheduler`, `classes`",
            where=str(path),
            remedy=_EXAMPLE,
        )
    return data, root


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
    text: str = yaml.safe_dump(settings.as_data(), sort_keys=False, width=100, allow_unicode=True)
    return "# Written by `cuprolith hpc init`; it holds no password.\n" + text
