"""Variants: the models that can be trained, one entry of `training.variants` each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cuprolith.registry import Registry
from training.optimization.parameters import OrdinalParameter, Parameter
from training.settings import TrainingSettings

Symmetry = Literal["translations", "rotations", "reflections", "permutations"]
ALL_SYMMETRIES: frozenset[Symmetry] = frozenset(
    ("translations", "rotations", "reflections", "permutations")
)


@dataclass(frozen=True)
class PublishedRow:
    """The best hyper-parameters of a publication for one dataset.

    Attributes
    ----------
    parameters
        By dotted name within `training`.
    force_mae
        On the validation split, meV/Å; None where the publication gives none.
    """

    parameters: Mapping[str, Any]
    force_mae: float | None


@dataclass(frozen=True)
class Variant:
    """Everything about one kind of model.

    Attributes
    ----------
    name
        As in settings files (``variant``).
    label, colour
        In reports and figures.
    settings
        The section ``training``; its field ``variant`` is a ``Literal`` of the name.
    model_config
        Makes the model builder (``_target_``) and the hyper-parameters that it takes from
        `settings`. What depends on the data (species, statistics) and on the run (seed, dtype) is
        not in it.
    search_space
        What a study searches unless it says otherwise, by dotted name within `settings`.
    reach
        Radius (Å) of the sphere that an atom's energy depends on, from `settings`.
    lammps_target
        What ``cuprolith compile --target`` takes for LAMMPS.
    published
        Best points of Laskaris 2026 (Tables I to III), by dataset.
    symmetries, tolerance
        What energies (eV) and forces (eV/Å) are invariant under and how exactly, in float64.
    """

    name: str
    label: str
    colour: str
    settings: type[TrainingSettings]
    model_config: Callable[[Any], dict[str, Any]]
    search_space: Mapping[str, Parameter]
    reach: Callable[[Any], float]
    lammps_target: str
    published: Mapping[str, PublishedRow] = field(default_factory=dict)
    symmetries: frozenset[Symmetry] = ALL_SYMMETRIES
    tolerance: float = 1e-10


VARIANTS = Registry("variant", Variant, "training.variants")


def model_config(settings: TrainingSettings) -> dict[str, Any]:
    """Return the model builder of a variant with its hyper-parameters."""
    return VARIANTS[settings.variant].model_config(settings)


def powers_of_two(low: int, high: int) -> OrdinalParameter:
    """Return a hyper-parameter whose values are the powers of two from `low` to `high`."""
    exponents = range(low.bit_length() - 1, high.bit_length())
    return OrdinalParameter(values=tuple(2**exponent for exponent in exponents))


def published_rows(
    columns: Sequence[str], rows: Mapping[str, tuple[Sequence[float], float | None]]
) -> dict[str, PublishedRow]:
    """Return the rows of a table.

    Parameters
    ----------
    columns
        Dotted names of the hyper-parameters.
    rows
        Values in the order of the columns, and the force MAE (meV/Å), by dataset.
    """
    return {
        dataset: PublishedRow(dict(zip(columns, values, strict=True)), error)
        for dataset, (values, error) in rows.items()
    }
