"""Stage *generate*: write the campaign's candidates to ``structures/``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cuprolith.json_files import write_json
from cuprolith.progress import progress_bar
from cuprolith.words import plural
from workflows.stage import Stage
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from generators.candidate import Candidate
    from workflows.inputs.campaign import Campaign
    from workflows.labelling.lattice_constants import RelaxedCrystal
    from workflows.overview import Overview


@dataclass(frozen=True)
class GenerateSummary:
    """Result of the stage."""

    overview: Overview
    seconds: float

    def __str__(self) -> str:
        """One line for the terminal."""
        families = ", ".join(
            f"{family.structures} {family.family}"
            for family in self.overview.families
            if family.structures
        )
        total = self.overview.total
        return (
            f"{plural(total.structures, 'structure')} ({families}), {plural(total.atoms, 'atom')}"
        )


def campaign_candidates(
    campaign: Campaign, crystals: Mapping[str, Structure] | None = None
) -> list[Candidate]:
    """Build all candidates of a campaign with the lattice constants it gives; relax nothing.

    Parameters
    ----------
    campaign
        The campaign.
    crystals
        Its `campaign_crystals`, if they are loaded already.

    Raises
    ------
    CuprolithError
        If a structure cannot be made, with the key that asks for it.
    """
    from generators.catalogue import build_catalogue
    from workflows.inputs.campaign_crystals import campaign_crystals

    if crystals is None:
        crystals = campaign_crystals(campaign)
    return build_catalogue(crystals, campaign.structures).candidates


def generate(workdir: Workdir) -> GenerateSummary:
    """Write ``structures/structures.{extxyz,json}`` and ``overview.json``."""
    from generators.catalogue import build_catalogue
    from workflows.inputs.campaign_crystals import campaign_crystals
    from workflows.labelling.fitting_structures import labelled_by
    from workflows.labelling.lattice_constants import relaxed_crystals, with_relaxed
    from workflows.overview import make_overview
    from workflows.structures.structure_files import record_of, write_structures

    started = time.perf_counter()
    campaign = workdir.campaign()
    with progress_bar("generate", total=4) as bar:
        bar.say("lattice constants")
        given = campaign_crystals(campaign)
        relaxed = relaxed_crystals(campaign, given, workdir.lattice_constants_json)
        crystals = with_relaxed(given, relaxed)
        bar.advance(1, "structures")
        catalogue = build_catalogue(crystals, campaign.structures)
        for _ in labelled_by(campaign.engine, map(record_of, catalogue.candidates)):
            pass  # it raises where the engine cannot label one
        bar.advance(1, "overview")
        overview = make_overview(campaign, crystals, relaxed, catalogue)
        bar.advance(1, "files")
        write_structures(
            workdir.structures_xyz,
            workdir.structures_json,
            catalogue.candidates,
            _header(campaign, relaxed),
        )
        write_json(workdir.overview_json, overview.model_dump(mode="json"))
    seconds = time.perf_counter() - started
    workdir.record_seconds("generate", seconds)
    return GenerateSummary(overview, seconds)


def _header(campaign: Campaign, relaxed: Mapping[str, RelaxedCrystal]) -> dict[str, object]:
    """Head of ``structures.json``: the campaign and its crystals."""
    crystals = {
        name: crystal.model_dump(mode="json", exclude_none=True)
        for name, crystal in campaign.crystals.items()
    }
    for name, crystal in relaxed.items():
        crystals[name]["relaxed"] = crystal.model_dump(
            mode="json", include={"engine", "functional", "config_hash", "given", "relaxed"}
        )
    return {
        "campaign": campaign.name,
        "campaign_hash": campaign.campaign_hash,
        "seed": campaign.seed,
        "crystals": crystals,
    }


def _show(summary: Any) -> None:
    from workflows.stage_commands.generate import show_overview

    show_overview(summary)


STAGE = Stage(
    name="generate",
    follows="",
    run=generate,
    output=lambda workdir, _: workdir.structures_json,
    help="Build the campaign's structures into structures/.",
    show=_show,
)
