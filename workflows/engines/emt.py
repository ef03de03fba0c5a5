"""The engine ``emt``: ASE's effective-medium theory, for tests and first steps, not for science."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workflows.labelling.calculator_engine import CalculatorEntry, CalculatorSettings, Device

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator
    from pymatgen.core import Composition


class EmtSettings(CalculatorSettings):
    """Settings of the engine ``emt``."""

    name: Literal["emt"] = "emt"


def _load(_settings: EmtSettings, _device: Device) -> Calculator:
    from ase.calculators.emt import EMT

    return EMT()


@dataclass(frozen=True, kw_only=True)
class EmtEntry(CalculatorEntry[EmtSettings]):
    """ASE's EMT, which knows few elements."""

    def unfit(
        self, settings: EmtSettings, elements: Sequence[str], solids: Sequence[Composition]
    ) -> list[str]:
        """Name the elements that EMT does not know."""
        from ase.calculators.emt import parameters

        unknown = [symbol for symbol in elements if symbol not in parameters]
        if not unknown:
            return []
        known = ", ".join(parameters)
        return [f"emt knows no {', '.join(unknown)} (only {known}): use another engine.name"]


ENGINE = EmtEntry(
    settings=EmtSettings,
    load=_load,
    described="effective-medium theory",
    functional="EMT",
    packages=("ase",),
    seconds_per_atom=2e-5,
    example=("Cu", "Ni"),
    labels_molecules=True,
)
