"""The section ``data`` of a training file, for whatever source it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from cuprolith.registry import union_of
from training.source import SOURCES, SourceSettings, TrainingSource

if TYPE_CHECKING:
    AnySource = SourceSettings
else:
    AnySource = union_of({source.name: source.settings for source in SOURCES}, "source")

_ADAPTER: TypeAdapter[SourceSettings] = TypeAdapter(AnySource)


def source_settings(section: Mapping[str, Any]) -> SourceSettings:
    """Return the settings of the source that a section names.

    Raises
    ------
    pydantic.ValidationError
        If the source is unknown, or does not have such settings.
    """
    return _ADAPTER.validate_python(dict(section))


def open_source(settings: SourceSettings, relative_to: Path) -> TrainingSource:
    """Return the source that a section names.

    Parameters
    ----------
    settings
        The section.
    relative_to
        Folder from which relative paths count: that of the file with the section.

    Raises
    ------
    DatasetError
        If there is no Cuprolith dataset in the folder.
    """
    return SOURCES[settings.source].open(settings, relative_to)
