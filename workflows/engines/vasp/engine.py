"""The engine ``vasp``: production DFT, or another program in its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cuprolith.hashes import short_hash
from cuprolith.words import listed
from workflows.engine import Engine, EngineEntry
from workflows.engines.vasp.settings import VaspEngineSettings
from workflows.labelling.unfit_settings import (
    magnetic_elements,
    smearing_of_metals,
    with_f_electrons,
)

if TYPE_CHECKING:
    from pymatgen.core import Composition, Structure

    from workflows.checks import Check
    from workflows.engines.vasp.dft_plan import DftPlan

_FOR_F_ELECTRONS = 6  # LMAXMIX


@dataclass(frozen=True, kw_only=True)
class VaspEntry(EngineEntry[VaspEngineSettings]):
    """VASP as an engine."""

    def build(self, settings: VaspEngineSettings) -> Engine:
        """Build the engine; nothing is looked for on this machine, so a laptop can plan.

        A program that runs in place of VASP is known by its command, and is another engine, with
        fingerprints of its own.
        """
        from workflows.engines.vasp.makers import (
            VaspMeltQuenchMaker,
            VaspRelaxMaker,
            VaspStaticMaker,
        )
        from workflows.engines.vasp.vasp_run import expected_fingerprint
        from workflows.labelling.dft_cost import seconds_per_step

        vasp, quench = settings.vasp, settings.melt_quench
        program, name = vasp.program, vasp.program.name
        identity = {
            "engine": name,
            "settings": expected_fingerprint(vasp, []).settings,
            "potcar_family": vasp.potcar_family,
            "potcars": vasp.potcars,
            # Tags that the fingerprint of a run's output cannot hold decide labels, too.
            "incar": vasp.incar,
        }
        common: dict[str, Any] = {
            "engine": name,
            "functional": vasp.functional_label,
            "config_hash": short_hash(json.dumps(identity, sort_keys=True)),
            "vasp": vasp,
        }
        return Engine(
            name=name,
            functional=vasp.functional_label,
            config_hash=common["config_hash"],
            simulated=bool(program.simulated_by),
            simulated_by=(
                program.simulated_by
                or f"computed by DFT: VASP, {vasp.functional_label}, PAW {vasp.potcar_family}"
            ),
            relax=VaspRelaxMaker(settings=settings.relax, **common),
            static=VaspStaticMaker(**common),
            melt_quench=None if quench is None else VaspMeltQuenchMaker(settings=quench, **common),
            seconds_per_step=seconds_per_step,
            runs_on="mpi",
        )

    def checks(self, settings: VaspEngineSettings | None) -> list[Check]:
        """Examine the command and, if no campaign names its own, the potentials."""
        from workflows.engines.vasp.checks import check_command, check_potentials

        given = settings or VaspEngineSettings()
        return [check_command(given.vasp), *([check_potentials()] if settings is None else [])]

    def node_checks(self) -> list[Check]:
        """Examine the program and the potentials that the cluster's settings name."""
        from workflows.engines.vasp.node_checks import check_potentials_folder, check_program

        return [check_program(), check_potentials_folder()]

    def campaign_checks(self, settings: VaspEngineSettings, elements: Sequence[str]) -> list[Check]:
        """Examine the potentials of a campaign's elements."""
        from workflows.engines.vasp.checks import check_campaign_potentials

        return check_campaign_potentials(settings.vasp, elements)

    def unfit(
        self, settings: VaspEngineSettings, elements: Sequence[str], solids: Sequence[Composition]
    ) -> list[str]:
        """Warn of missing spin, of smearing of metals, and of mixing for f electrons."""
        vasp = settings.vasp
        spin = [] if vasp.spin_polarized else magnetic_elements(
            elements,
            solids,
            "engine.vasp.spin_polarized is false (ISPIN = 1); set it to true, at about twice the "
            "cost",
        )  # fmt: skip
        return [
            *spin,
            *smearing_of_metals("engine.vasp.smearing", vasp.smearing, solids),
            *_mixing(vasp.incar.get("LMAXMIX", 4), with_f_electrons(elements)),
        ]

    def input_plan(
        self,
        settings: VaspEngineSettings,
        examples: Iterable[tuple[str, str, Structure]],
        elements: Sequence[str],
    ) -> DftPlan:
        """Show INCAR, mesh and POTCARs of each task."""
        from workflows.engines.vasp.dft_plan import plan_dft

        return plan_dft(settings, examples, elements)


def _mixing(given: Any, with_f: Sequence[str]) -> list[str]:
    if not with_f or (isinstance(given, int | float) and given >= _FOR_F_ELECTRONS):
        return []
    return [f"{listed(with_f)} may have f electrons: add LMAXMIX: 6 to engine.vasp.incar"]


ENGINE = VaspEntry(
    settings=VaspEngineSettings,
    uses_kpoints=True,
    log_files=("custodian.json", "vasp.out", "std_err.txt"),
)
