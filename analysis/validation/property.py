"""Properties: physical quantities that a potential is judged by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis.validation.material import Material
from analysis.validation.source import Source
from cuprolith.arrays import FloatArray
from cuprolith.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False)
class Curve:
    """A quantity over another, for figures and comparisons; both of shape (n,)."""

    x: FloatArray
    y: FloatArray

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike) -> Curve:
        """Return a curve of any two sequences of numbers."""
        return cls(np.asarray(x, dtype=float), np.asarray(y, dtype=float))


@dataclass(frozen=True, eq=False)
class Measurement:
    """What one source gives for one case.

    Attributes
    ----------
    values
        By quantity (``C11``, a site, a direction); the key is "" where a case has just one.
    curves
        By name; "" where there is just one.
    notes
        What a reader should know: a relaxation that did not converge, a run that exploded.
    uncertainties
        How far a value depends on choices within its measurement, by quantity, in the unit of the
        value. That of a reference adds to the tolerance.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    uncertainties: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One thing that a property is measured on, such as a crystal or a slab.

    Attributes
    ----------
    name
        ``Cu``, ``Cu(111)``, ``Li on Cu(111)``: unique in its property, the same in every run.
    measure
        Does the measurement with any source. Raises `NotAvailableError` where the source cannot
        answer.
    atom_steps
        Estimated cost: atoms times evaluations of energy and forces, if all must be computed.
    """

    name: str
    measure: Callable[[Source], Measurement]
    atom_steps: float


@dataclass(frozen=True)
class Tolerance:
    """Largest error that passes: the larger of the two."""

    relative: float = 0.0
    absolute: float = 0.0

    def of(self, reference: float) -> float:
        """Return the largest error that passes, in the unit of the value."""
        return max(self.absolute, self.relative * abs(reference))


@dataclass(frozen=True)
class Compared:
    """One number of the potential beside what it should be.

    Attributes
    ----------
    quantity
        Key in the values of the measurement, or what a comparison is called.
    uncertainty
        Of the reference, in its unit.
    """

    quantity: str
    value: float
    reference: float
    uncertainty: float = 0.0


def compare_values(potential: Measurement, reference: Measurement) -> list[Compared]:
    """Compare value by value: those that both have."""
    return [
        Compared(
            quantity,
            value,
            reference.values[quantity],
            reference.uncertainties.get(quantity, 0.0),
        )
        for quantity, value in potential.values.items()
        if quantity in reference.values
    ]


@dataclass(frozen=True)
class Property:
    """Everything about one property.

    Attributes
    ----------
    name
        As in settings and in ``validation.json``: snake case, singular (``bulk_modulus``).
    title
        Heading in the report.
    unit
        Of its values; "" for pure numbers.
    cases
        Lists the cases of a material, cheaply: nothing is computed. None where it has none.
    tolerance
        What passes.
    group
        Where the report and the verdict put it.
    exact
        What every value must be by physics, whatever the engine says (drift 0, extensive to 0);
        None where a reference source is measured.
    one_sided
        Whether only values above the reference can fail.
    compare
        Makes the compared numbers of two measurements of one case.
    figure
        How the report draws it: its curves, its values as bars side by side, or not at all.
    axes
        Titles of the axes of its curves: x, then y.
    requires
        Package that must be installed, with the extra that brings it: ``("phonopy", "phonons")``.
    about
        One or two sentences for the report and the reference: how it is measured.
    version
        Rises when the measurement changes, so that stored results are not taken for new ones.
    """

    name: str
    title: str
    unit: str
    cases: Callable[[Material], Iterable[Case]]
    tolerance: Tolerance
    group: Literal["crystals", "surfaces", "interfaces", "atoms", "dynamics"]
    about: str
    exact: float | None = None
    one_sided: bool = False
    compare: Callable[[Measurement, Measurement], Sequence[Compared]] = compare_values
    figure: Literal["curves", "bars"] | None = None
    axes: tuple[str, str] = ("", "")
    requires: tuple[str, str] | None = None
    version: int = 1

    def allowed(self, reference: float, uncertainty: float = 0.0) -> float:
        """Return the largest error that passes: the tolerance and the reference's uncertainty."""
        return self.tolerance.of(reference) + uncertainty

    def passes(self, value: float, reference: float, uncertainty: float = 0.0) -> bool:
        """Whether a value is close enough to its reference; NaN never is."""
        error = value - reference
        if not math.isfinite(error):
            return False
        size = error if self.one_sided else abs(error)
        return size <= self.allowed(reference, uncertainty)


PROPERTIES = Registry("property", Property, "analysis.properties")
