"""The engine ``tblite``: extended tight binding (GFN2-xTB and GFN1-xTB), a cheap sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from workflows.labelling.calculator_engine import CalculatorEntry, CalculatorSettings, Device

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator


class TbliteSettings(CalculatorSettings):
    """Settings of the engine ``tblite``."""

    name: Literal["tblite"] = "tblite"
    method: Literal["GFN2-xTB", "GFN1-xTB"] = Field(default="GFN2-xTB", description="Hamiltonian")
    charge: Annotated[int, Field(ge=-10, le=10)] = Field(
        default=0, description="of each molecule, elementary charges"
    )
    accuracy: Annotated[float, Field(ge=1e-3, le=1)] = Field(
        default=0.1, description="tblite's factor of all thresholds; smaller is more exact"
    )


def _load(settings: TbliteSettings, _device: Device) -> Calculator:
    from tblite.ase import TBLite

    class IndependentTBLite(TBLite):
        """Without the charges of the step before, on which labels would depend to 1e-6 eV/Å."""

        def calculate(self, *arguments: Any, **keywords: Any) -> None:
            """Calculate from scratch; TBLite's `cache_api` does not do this."""
            self._xtb = self._res = None
            super().calculate(*arguments, **keywords)

    return IndependentTBLite(
        method=settings.method, charge=settings.charge, accuracy=settings.accuracy, verbosity=0
    )


ENGINE = CalculatorEntry(
    settings=TbliteSettings,
    load=_load,
    described="semi-empirical tight binding",
    functional="xTB",
    packages=("tblite",),
    seconds_per_atom=3e-4,
    labels_molecules=True,
)
