"""The engine ``gpaw``: genuine r2SCAN DFT labels without a licence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workflows.checks import Check
from workflows.engine import Engine, EngineEntry
from workflows.engines.gpaw.settings import GpawEngineSettings
from workflows.labelling.unfit_settings import magnetic_elements, smearing_of_metals

if TYPE_CHECKING:
    from pymatgen.core import Composition


@dataclass(frozen=True, kw_only=True)
class GpawEntry(EngineEntry[GpawEngineSettings]):
    """GPAW as an engine."""

    def build(self, settings: GpawEngineSettings) -> Engine:
        """Build the engine.

        Raises
        ------
        CuprolithError
            If GPAW does not run under the campaign's command, or its libxc would spoil r2SCAN.
        """
        from workflows.engines.gpaw.installation import usable_installation
        from workflows.engines.gpaw.makers import (
            GpawMeltQuenchMaker,
            GpawRelaxMaker,
            GpawStaticMaker,
        )
        from workflows.labelling.dft_cost import seconds_per_step

        gpaw, quench = settings.gpaw, settings.melt_quench
        found = usable_installation(gpaw)
        common: dict[str, Any] = {
            "functional": gpaw.functional_label,
            "config_hash": found.config_hash(gpaw),
            "gpaw": gpaw,
        }
        return Engine(
            name=self.name,
            functional=common["functional"],
            config_hash=common["config_hash"],
            simulated=False,
            simulated_by=(
                f"energies, forces and stresses come from density functional theory "
                f"({gpaw.functional_label}, PAW, plane waves to {gpaw.cutoff:g} eV) with "
                f"GPAW {found.gpaw} and libxc {found.libxc}"
            ),
            relax=GpawRelaxMaker(settings=settings.relax, **common),
            static=GpawStaticMaker(**common),
            melt_quench=None if quench is None else GpawMeltQuenchMaker(settings=quench, **common),
            seconds_per_step=seconds_per_step,
            runs_on="mpi",
        )

    def checks(self, settings: GpawEngineSettings | None) -> list[Check]:
        """Ask the GPAW behind the campaign's command, or behind the default one."""
        from workflows.engines.gpaw.installation import check

        given = settings or GpawEngineSettings()
        return [check(given.gpaw.command)]

    def node_checks(self) -> list[Check]:
        """Examine GPAW where it is installed; a cluster need not have it."""
        return [check for check in self.checks(None) if check.status != "note"]

    def unfit(
        self, settings: GpawEngineSettings, elements: Sequence[str], solids: Sequence[Composition]
    ) -> list[str]:
        """Warn of elements that need spin, and of insulators with the smearing of metals."""
        return [
            *magnetic_elements(
                elements,
                solids,
                "the engine gpaw computes without spin polarization; use an engine that can",
            ),
            *smearing_of_metals("engine.gpaw.smearing", settings.gpaw.smearing, solids),
        ]


ENGINE = GpawEntry(settings=GpawEngineSettings, uses_kpoints=True, log_files=("gpaw.txt",))
