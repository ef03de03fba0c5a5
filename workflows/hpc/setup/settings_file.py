"""Read a cluster's settings; errors name file, line and key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from workflows.hpc.setup.scheduler import SCHEDULERS
from workflows.hpc.setup.settings import HpcSettings
from workflows.inputs.campaign_errors import CampaignError, explain, place_of
from workflows.inputs.yaml_file import FileKind, content_of, read_yaml

_SETTINGS = FileKind(
    "file of a cluster's settings",
    "`project`, `scheduler`, `classes`",
    "`cuprolith hpc init` writes one to edit",
)


def read_settings(path: Path) -> HpcSettings:
    """Read a cluster's settings.

    Raises
    ------
    CuprolithError
        With line, key and remedy of everything that is wrong.
    """
    root = read_yaml(path, _SETTINGS)
    return checked_settings(content_of(root), path, root)


def checked_settings(
    data: Mapping[str, Any], path: Path, root: yaml.Node | None = None
) -> HpcSettings:
    """Validate settings from anywhere.

    Parameters
    ----------
    path
        What errors name as their place.
    root
        Tree of the file, for its lines.

    Raises
    ------
    CuprolithError
        With key and remedy of everything that is wrong.
    """
    name = data.get("scheduler")
    if not isinstance(name, str) or name not in SCHEDULERS:
        raise CampaignError(
            f"no scheduler {name!r}" if name is not None else "missing",
            where=f"{place_of(root, ('scheduler',), path)}: scheduler",
            remedy=f"choose one of {', '.join(SCHEDULERS.entries)}",
        )
    model = SCHEDULERS[name].settings
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise explain(error, model, path, root) from None
