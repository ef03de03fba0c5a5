"""Search spaces of studies: a variant's own, or one from the settings, by dotted name."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from training.optimization.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
    Parameter,
)
from training.settings import TrainingSettings
from training.tuning.settings import TuningSettings
from training.variant import VARIANTS
from training.variant_settings import training_settings

# Settings that are the same for all trials of a study.
_FIXED = ("variant", "max_time", "devices", "num_workers")


class SearchSpaceError(ValueError):
    """A search space has wrong names or values; the message names valid ones."""


def search_space(variant: str, tuning: TuningSettings) -> dict[str, Parameter]:
    """Return the search space of a study, or that of its variant if the settings have none.

    Raises
    ------
    SearchSpaceError
        If a name is not a setting of the variant, or a value that may be proposed is not valid.
    """
    if not tuning.search_space:
        return dict(VARIANTS[variant].search_space)
    space = dict(tuning.search_space)
    for name, parameter in space.items():
        _check_name(name, variant)
        for value in _test_values(parameter):
            _check_value(name, value, variant)
    return space


def applied(training: TrainingSettings, parameters: Mapping[str, Any]) -> TrainingSettings:
    """Return settings with some values replaced.

    Parameters
    ----------
    training
        Settings that give all other values.
    parameters
        Values by dotted name, such as ``model.r_max`` or ``final_mlp.widths.0``.

    Raises
    ------
    SearchSpaceError
        If there is no such name, or a value is not valid there.
    """
    content = training.model_dump()
    for name, value in parameters.items():
        _check_exists(name, training.variant)
        _set_value(content, name.split("."), value)
    try:
        return type(training).model_validate(content)
    except ValidationError as error:
        raise SearchSpaceError(_message(error)) from error


def check_study(training: TrainingSettings, tuning: TuningSettings, *, has_forces: bool) -> None:
    """Refuse a study that cannot work, before anything is trained.

    Raises
    ------
    SearchSpaceError
        As `search_space`; or if a limit needs forces and the frames have none.
    """
    search_space(training.variant, tuning)
    if tuning.limits.energy_drift is not None and not has_forces:
        raise SearchSpaceError(
            "limits.energy_drift: molecular dynamics needs forces, and these frames have "
            "energies only: remove this limit"
        )


def _names(content: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all single values."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _names(value, f"{prefix}{key}.")
        elif isinstance(value, tuple):
            yield from (f"{prefix}{key}.{index}" for index in range(len(value)))
        else:
            yield f"{prefix}{key}"


def _names_of(variant: str) -> tuple[str, ...]:
    return tuple(_names(_default(variant).model_dump()))


def _default(variant: str) -> TrainingSettings:
    return training_settings({"variant": variant})


def _check_exists(name: str, variant: str) -> None:
    valid = _names_of(variant)
    if name in valid:
        return
    owners = [other.name for other in VARIANTS if name in _names_of(other.name)]
    if owners:
        raise SearchSpaceError(
            f"{name}: {variant} does not use it, {' and '.join(owners)} "
            f"{'does' if len(owners) == 1 else 'do'}: remove it"
        )
    nearest = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    same_end = [known for known in valid if known.rpartition(".")[2] == name]
    hint = f"did you mean `{(same_end or nearest)[0]}`? " if same_end or nearest else ""
    raise SearchSpaceError(
        f"{name}: no value of a training of {variant} has this name: {hint}valid names: "
        f"{', '.join(valid)}"
    )


def _check_name(name: str, variant: str) -> None:
    _check_exists(name, variant)
    if name in _FIXED:
        raise SearchSpaceError(
            f"{name} is the same for all trials of a study: set it in `training` instead"
        )


def _check_value(name: str, value: Any, variant: str) -> None:
    try:
        applied(_default(variant), {name: value})
    except SearchSpaceError as error:
        raise SearchSpaceError(f"the search space of {error}") from error


def _test_values(parameter: Parameter) -> tuple[Any, ...]:
    """Return values that are valid only if all are; of a range, its ends and one between."""
    match parameter:
        case FloatParameter():
            # The ends may happen to be whole numbers, where only these are valid.
            between = parameter.low + (parameter.high - parameter.low) / math.pi
            return parameter.low, between, parameter.high
        case IntParameter():
            return parameter.low, parameter.high
        case OrdinalParameter():
            return parameter.values
        case CategoricalParameter():
            return parameter.choices


def _set_value(content: dict[str, Any], path: list[str], value: Any) -> None:
    *sections, last = path
    if last.isdecimal():
        *sections, name = sections
        changed = list(_section(content, sections)[name])
        changed[int(last)] = value
        last, value = name, tuple(changed)
    _section(content, sections)[last] = value


def _section(content: dict[str, Any], path: list[str]) -> dict[str, Any]:
    for key in path:
        content = content[key]
    return content


def _message(error: ValidationError) -> str:
    details = error.errors()
    return "; ".join(
        f"{'.'.join(str(part) for part in detail['loc'])}: "
        f"{detail['msg'].removeprefix('Value error, ')} (got {detail['input']!r})"
        for detail in details
    )
