"""What is searched: the paper's spaces, and spaces that a person writes, by dotted name."""

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
from training.settings import TrainingSettings, Variant
from training.tuning.settings import TuningSettings

# Sections that one variant alone reads.
_SECTION_OF_VARIANT = {"final_mlp": "allegro-mlp", "qdi": "allegro-qdi"}
# One study is of one variant on one dataset; these are no hyper-parameters of it.
_FIXED = ("variant", "max_time", "devices", "num_workers")


class SearchSpaceError(ValueError):
    """A search space names what cannot be searched; the message says what can."""


def paper_search_space(variant: Variant) -> dict[str, Parameter]:
    """Return the hyper-parameters that Laskaris 2026 optimises (section III.E).

    The paper prints the best points (Tables I to III) and not the ranges. These hold all of its
    points; where several of them share an extreme value (r_max 12 Å, P 5, batch 1 and 5, edge MLP
    128), that value is the end of the range. The input width of the MLP is not printed.

    Returns
    -------
    Parameters by dotted name in `TrainingSettings`: 6 for Allegro, 9 for the other two.
    """
    return {**_ALLEGRO, **_BEYOND_ALLEGRO[variant]}


def search_space(variant: Variant, tuning: TuningSettings) -> dict[str, Parameter]:
    """Return what a study searches: its own search space, or the paper's if it gives none.

    Raises
    ------
    SearchSpaceError
        If a name is none of `TrainingSettings`, or the variant does not use it, or a value that
        could be proposed is not valid there.
    """
    if not tuning.search_space:
        return paper_search_space(variant)
    space = dict(tuning.search_space)
    for name, parameter in space.items():
        _check_name(name, variant)
        for value in _probes(parameter):
            _check_value(name, value, variant)
    return space


def applied(training: TrainingSettings, parameters: Mapping[str, Any]) -> TrainingSettings:
    """Return settings with some values exchanged.

    Parameters
    ----------
    training
        Settings that give all other values.
    parameters
        Values by dotted name, say ``model.r_max`` or ``final_mlp.widths.0``.

    Raises
    ------
    SearchSpaceError
        If there is no such name, or a value is not valid there.
    """
    content = training.model_dump()
    for name, value in parameters.items():
        _require(name)
        _put(content, name.split("."), value)
    try:
        return TrainingSettings.model_validate(content)
    except ValidationError as error:
        raise SearchSpaceError(_said(error)) from error


def check_study(training: TrainingSettings, tuning: TuningSettings, *, has_forces: bool) -> None:
    """Refuse a study that could not give what it asks for, before anything is trained.

    Raises
    ------
    SearchSpaceError
        As `search_space`; or if a limit needs forces and the frames carry none.
    """
    search_space(training.variant, tuning)
    if tuning.limits.energy_drift is not None and not has_forces:
        raise SearchSpaceError(
            "limits.energy_drift: molecular dynamics needs forces, and these frames carry "
            "energies only: remove this limit"
        )


def _powers_of_two(low: int, high: int) -> OrdinalParameter:
    exponents = range(low.bit_length() - 1, high.bit_length())
    return OrdinalParameter(values=tuple(2**exponent for exponent in exponents))


_ALLEGRO: dict[str, Parameter] = {
    "model.r_max": FloatParameter(low=4.0, high=12.0),
    "learning_rate": FloatParameter(low=5e-4, high=1e-2, log=True),
    "batch_size": IntParameter(low=1, high=5),
    "model.polynomial_cutoff_p": FloatParameter(low=5.0, high=12.0),
    "model.num_layers": IntParameter(low=1, high=4),
    "model.edge_mlp_width": _powers_of_two(4, 128),
}
_BEYOND_ALLEGRO: dict[Variant, dict[str, Parameter]] = {
    "allegro": {},
    "allegro-mlp": {
        "final_mlp.widths.0": _powers_of_two(4, 1024),
        "final_mlp.widths.1": _powers_of_two(4, 1024),
        "final_mlp.input_width": _powers_of_two(4, 64),
    },
    "allegro-qdi": {
        "qdi.input_features": IntParameter(low=4, high=24),
        "qdi.depth": IntParameter(low=1, high=4),
        "qdi.final_mlp_width": _powers_of_two(4, 128),
    },
}


def _names(content: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Dotted names of all single values."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _names(value, f"{prefix}{key}.")
        elif isinstance(value, tuple):
            yield from (f"{prefix}{key}.{index}" for index in range(len(value)))
        else:
            yield f"{prefix}{key}"


_ALL_NAMES = tuple(_names(TrainingSettings().model_dump()))


def _require(name: str) -> None:
    if name in _ALL_NAMES:
        return
    nearest = difflib.get_close_matches(name, _ALL_NAMES, n=1, cutoff=0.5)
    same_end = [known for known in _ALL_NAMES if known.rpartition(".")[2] == name]
    hint = f"did you mean `{(same_end or nearest)[0]}`? " if same_end or nearest else ""
    raise SearchSpaceError(
        f"{name}: no value of a training is called so: {hint}valid names: {', '.join(_ALL_NAMES)}"
    )


def _check_name(name: str, variant: Variant) -> None:
    _require(name)
    if name in _FIXED:
        raise SearchSpaceError(
            f"{name}: is the same for all trials of a study: set it, but not here"
        )
    owner = _SECTION_OF_VARIANT.get(name.partition(".")[0], variant)
    if owner != variant:
        raise SearchSpaceError(f"{name}: {variant} does not use it, {owner} does: remove it")


def _check_value(name: str, value: Any, variant: Variant) -> None:
    try:
        applied(TrainingSettings(variant=variant), {name: value})
    except SearchSpaceError as error:
        raise SearchSpaceError(f"the search space of {error}") from error


def _probes(parameter: Parameter) -> tuple[Any, ...]:
    """Values that are valid only if all are; of a range, its ends and one between."""
    match parameter:
        case FloatParameter():
            # Where whole numbers are asked for, the ends may happen to be some.
            between = parameter.low + (parameter.high - parameter.low) / math.pi
            return parameter.low, between, parameter.high
        case IntParameter():
            return parameter.low, parameter.high
        case OrdinalParameter():
            return parameter.values
        case CategoricalParameter():
            return parameter.choices


def _put(content: dict[str, Any], path: list[str], value: Any) -> None:
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


def _said(error: ValidationError) -> str:
    details = error.errors()
    return "; ".join(
        f"{'.'.join(str(part) for part in detail['loc'])}: "
        f"{detail['msg'].removeprefix('Value error, ')} (got {detail['input']!r})"
        for detail in details
    )
