"""Units, signs and names of labels in a file, as a person states them; converted on reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from ase import units
from pydantic import Field

from cuprolith.settings import Settings

# In eV, Å, eV/Å and eV/Å³; CODATA's values as ASE has them.
ENERGY_UNITS: Mapping[str, float] = {
    "eV": 1.0,
    "meV": 1e-3,
    "kcal/mol": units.kcal / units.mol,
    "kJ/mol": units.kJ / units.mol,
    "Hartree": units.Hartree,
    "Rydberg": units.Rydberg,
}
LENGTH_UNITS: Mapping[str, float] = {"Angstrom": 1.0, "Bohr": units.Bohr, "nm": 10.0}
FORCES_UNITS: Mapping[str, float] = {
    f"{energy}/{length}": per_energy / per_length
    for energy, per_energy in ENERGY_UNITS.items()
    for length, per_length in LENGTH_UNITS.items()
}
STRESS_UNITS: Mapping[str, float] = {
    "eV/Angstrom^3": 1.0,
    "GPa": units.GPa,
    "kbar": 0.1 * units.GPa,
    "bar": 1e-4 * units.GPa,
    "Hartree/Bohr^3": units.Hartree / units.Bohr**3,
    "Rydberg/Bohr^3": units.Rydberg / units.Bohr**3,
}

if TYPE_CHECKING:
    EnergyUnit = str
    LengthUnit = str
    ForcesUnit = str
    StressUnit = str
else:
    EnergyUnit = Literal[tuple(ENERGY_UNITS)]
    LengthUnit = Literal[tuple(LENGTH_UNITS)]
    ForcesUnit = Literal[tuple(FORCES_UNITS)]
    StressUnit = Literal[tuple(STRESS_UNITS)]

_Key = Annotated[str, Field(min_length=1)]


class LabelSettings(Settings):
    """Names, units and signs of the labels in files; what is not given is found or eV and Å."""

    energy_key: _Key | None = Field(default=None, description="name of the energy; default: found")
    forces_key: _Key | None = Field(
        default=None, description="name of the forces; default: that which belongs to the energy"
    )
    stress_key: _Key | None = Field(default=None, description="name of the stress; default: found")
    virial_key: _Key | None = Field(
        default=None, description="name of the virial: minus stress times volume; default: found"
    )
    energy_is: Literal["total", "per_atom"] | None = Field(
        default=None, description="what the energy is of: the frame, or one atom; default: total"
    )
    energy_unit: EnergyUnit | None = Field(
        default=None, description="of energies and virials; default: eV (n2p2: Hartree)"
    )
    length_unit: LengthUnit | None = Field(
        default=None, description="of positions and cells; default: Angstrom (n2p2: Bohr)"
    )
    forces_unit: ForcesUnit | None = Field(
        default=None, description="of forces; default: energy_unit/length_unit"
    )
    stress_unit: StressUnit | None = Field(
        default=None, description="of stresses; default: eV/Angstrom^3"
    )
    stress_sign: Literal["tension", "compression"] | None = Field(
        default=None,
        description="what a positive stress, or a negative virial, means; default: tension, as ASE",
    )
    functional: _Key | None = Field(
        default=None, description="level of theory, for the card, where frames do not say it"
    )

    # What numbers count as where nothing is stated.
    usual_energy_unit: ClassVar[str] = "eV"
    usual_length_unit: ClassVar[str] = "Angstrom"

    @property
    def labels(self) -> LabelSettings:
        """These settings without those that a subclass adds."""
        return LabelSettings(**{key: getattr(self, key) for key in LabelSettings.model_fields})

    @property
    def conversion(self) -> Conversion:
        """Factors to eV, Å, eV/Å and eV/Å³."""
        energy = self.energy_unit or self.usual_energy_unit
        length = self.length_unit or self.usual_length_unit
        return Conversion(
            energy=ENERGY_UNITS[energy],
            length=LENGTH_UNITS[length],
            force=FORCES_UNITS[self.forces_unit or f"{energy}/{length}"],
            stress=STRESS_UNITS[self.stress_unit or "eV/Angstrom^3"],
            sign=-1.0 if self.stress_sign == "compression" else 1.0,
            per_atom=self.energy_is == "per_atom",
        )


class AtomicLabelSettings(LabelSettings):
    """Labels in Hartree and Bohr, unless something else is stated."""

    usual_energy_unit: ClassVar[str] = "Hartree"
    usual_length_unit: ClassVar[str] = "Bohr"


@dataclass(frozen=True)
class Conversion:
    """Factors from the units of a file to eV, Å, eV/Å and eV/Å³.

    Attributes
    ----------
    energy, length, force, stress
        Factors; that of energies is that of virials as well.
    sign
        1 where a positive stress, or a negative virial, is tension; else -1.
    per_atom
        Whether energies are those of one atom, to be multiplied by the number of atoms.
    """

    energy: float = 1.0
    length: float = 1.0
    force: float = 1.0
    stress: float = 1.0
    sign: float = 1.0
    per_atom: bool = False
