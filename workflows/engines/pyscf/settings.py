"""What a campaign may say about PySCF."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cuprolith.settings import Listed
from workflows.labelling.calculator_engine import CalculatorSettings

Method = Literal["HF", "DFT", "CCSD", "CCSD(T)", "FCI", "CASCI"]
# 18 electrons in 18 orbitals are 2e9 determinants: more fit no machine here.
_Active = Annotated[int, Field(ge=1, le=18)]
# Keys that other methods do not use: they are no part of what identifies their labels.
_ONLY_FOR: dict[str, tuple[Method, ...]] = {
    "xc": ("DFT",),
    "grid_level": ("DFT",),
    "density_fit": ("HF", "DFT"),
    "frozen_core": ("CCSD", "CCSD(T)"),
    "active_space": ("CASCI",),
}


class PyscfSettings(CalculatorSettings):
    """Settings of the engine ``pyscf``."""

    name: Literal["pyscf"] = "pyscf"
    method: Method = Field(
        default="DFT",
        description="FCI is full configuration interaction in the whole basis, for a few electrons",
    )
    xc: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        default="PBE", description="functional of DFT, as PySCF names them: PBE, BLYP, B3LYP, ..."
    )
    basis: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        default="def2-SVP", description="basis set of all atoms; all electrons are computed"
    )
    charge: Annotated[int, Field(ge=-10, le=10)] = Field(
        default=0, description="of each molecule, elementary charges"
    )
    spin: Annotated[int, Field(ge=0, le=20)] | None = Field(
        default=None,
        description="unpaired electrons; default: as few as there can be, and for one atom those "
        "of its ground state",
    )
    density_fit: bool = Field(
        default=False, description="density fitting, for HF and DFT: faster, 1e-4 Hartree off"
    )
    grid_level: Annotated[int, Field(ge=0, le=9)] = Field(
        default=3, description="fineness of DFT's grid"
    )
    frozen_core: bool = Field(
        default=False, description="CCSD, CCSD(T): correlate valence electrons only"
    )
    active_space: Annotated[tuple[_Active, _Active], Listed] | None = Field(
        default=None, description="CASCI: active electrons and orbitals"
    )
    convergence: Annotated[float, Field(ge=1e-14, le=1e-5)] = Field(
        default=1e-10, description="of the energy in self-consistency and correlation, Hartree"
    )
    max_cycles: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="cycles of self-consistency, and of correlation, at most"
    )

    @model_validator(mode="after")
    def _fits_the_method(self) -> PyscfSettings:
        if (self.method == "CASCI") != (self.active_space is not None):
            raise ValueError("`active_space` belongs to `method: CASCI`, which needs it")
        if self.density_fit and self.method not in _ONLY_FOR["density_fit"]:
            raise ValueError(f"`density_fit` is for HF and DFT, not for {self.method}")
        if self.frozen_core and self.method not in _ONLY_FOR["frozen_core"]:
            raise ValueError(f"`frozen_core` is for CCSD and CCSD(T), not for {self.method}")
        return self

    @property
    def level(self) -> str:
        """Level of theory, such as ``CCSD(T)/cc-pVDZ``."""
        method = self.xc if self.method == "DFT" else self.method
        if self.active_space is not None:
            method += "({},{})".format(*self.active_space)
        return f"{method}/{self.basis}"

    @property
    def own(self) -> dict[str, Any]:
        """What decides labels, without keys that the method does not use."""
        unused = {key for key, methods in _ONLY_FOR.items() if self.method not in methods}
        return {key: value for key, value in super().own.items() if key not in unused}
