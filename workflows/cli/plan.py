"""``cuprolith plan``: what a campaign would do and cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workflows.stage_commands.console import console, errors_shown
from workflows.stage_commands.options import (
    CampaignArgument,
    DebugOption,
    WorkdirOption,
    keys_located,
    read_campaign,
)
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from workflows.plan import CampaignPlan

_SEGMENTS_SHOWN = 12


def plan(
    campaign: CampaignArgument = None,
    workdir: WorkdirOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    debug: DebugOption = False,
) -> None:
    """Show structures, k-point meshes and estimated cost; compute nothing."""
    with errors_shown(debug=debug):
        from workflows.plan import plan_campaign

        loaded = read_campaign(campaign, workdir)
        with keys_located(campaign or Workdir(workdir or Path()).campaign_yaml):
            planned = plan_campaign(loaded)
        if as_json:
            typer.echo(planned.model_dump_json(indent=1))
        else:
            _show(planned)


def _show(planned: CampaignPlan) -> None:
    table = Table(title=f"campaign {planned.campaign} ({planned.campaign_hash})")
    table.add_column("family")
    for header in ("structures", "atoms min/median/max", "Γ-centred k-meshes", "steps", "cost"):
        table.add_column(header, justify="right")
    for family in planned.families:
        meshes = list(family.kpoint_meshes.items())
        shown = ", ".join(f"{mesh} ({count})" for mesh, count in meshes[:3])
        more = f", {len(meshes) - 3} more" if len(meshes) > 3 else ""
        table.add_row(
            family.family,
            str(family.structures),
            f"{family.atoms_min}/{family.atoms_median:g}/{family.atoms_max}",
            shown + more,
            str(family.label_steps),
            _duration(family.label_seconds),
        )
    table.add_section()
    table.add_row(
        "total",
        str(planned.structures),
        f"{planned.atoms} in all",
        "",
        str(planned.label_steps),
        _duration(planned.label_seconds),
    )
    console.print(table)
    console.print(f"engine {planned.engine} ({planned.functional}); labels {planned.simulated_by}")
    if not planned.uses_kpoints:
        console.print("k-meshes are those a DFT engine would use; this engine uses none")
    if planned.melt_quench is not None:
        _show_melt_quench(planned.melt_quench)
    if planned.dft is not None:
        console.print(planned.dft)
    for crystal in planned.crystals:
        console.print(escape(str(crystal)), highlight=False)
    for note in planned.notes:
        console.print(f"[yellow]•[/] {escape(note)}")
    console.print("relaxation steps are estimates; melt-quench steps are exact")


def _show_melt_quench(quench: dict[str, Any]) -> None:
    console.print(
        f"{quench['label']}: {quench['hold_steps']} steps at {quench['melt_temperature']:g} K,"
        f" {quench['quench_steps']} steps to {quench['final_temperature']:g} K at "
        f"{quench['cooling_rate']:g} K/ps, {quench['time_step']:g} fs each, "
        f"{quench['n_segments']} segments; {quench['frames']} frames from {quench['n_runs']} "
        f"structures"
    )
    parts = [
        f"{part['last'] - part['first']} at {part['begin']:g} K"
        if part["begin"] == part["end"]
        else f"{part['last'] - part['first']} from {part['begin']:g} to {part['end']:g} K"
        for part in quench["segments"]
    ]
    shown = parts if len(parts) <= _SEGMENTS_SHOWN else [*parts[: _SEGMENTS_SHOWN - 1], "..."]
    console.print(f"segments (steps): {', '.join(shown)}")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
