"""The section ``training`` of a campaign or training file, for whatever variant it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from cuprolith.registry import union_of
from training.settings import TrainingSettings
from training.variant import VARIANTS

DEFAULT_VARIANT = "allegro"

if TYPE_CHECKING:
    AnyTraining = TrainingSettings
else:
    AnyTraining = union_of(
        {variant.name: variant.settings for variant in VARIANTS}, "variant", DEFAULT_VARIANT
    )

_ADAPTER: TypeAdapter[TrainingSettings] = TypeAdapter(AnyTraining)


def training_settings(content: Mapping[str, Any]) -> TrainingSettings:
    """Return the settings of the variant that a section names.

    Raises
    ------
    pydantic.ValidationError
        If the variant is unknown, or does not have such settings.
    """
    return _ADAPTER.validate_python(dict(content))


def default_training() -> TrainingSettings:
    """Return the default variant with its default settings."""
    return VARIANTS[DEFAULT_VARIANT].settings()  # type: ignore[call-arg]  # all have defaults
