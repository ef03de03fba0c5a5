"""What a campaign would do and cost, before anything is computed."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from generators.candidate import FAMILIES, Candidate
from workflows.campaign import Campaign
from workflows.engines.engine import make_engine
from workflows.kpoints import FAMILIES_WITH_VACUUM, gamma_mesh
from workflows.label_runs import estimated_seconds, label_runs
from workflows.stages.generate import campaign_candidates
from workflows.structures_io import record_of


class FamilyPlan(BaseModel):
    """One family's share of a campaign."""

    family: str
    structures: int
    atoms_min: int
    atoms_median: float
    atoms_max: int
    kpoint_meshes: dict[str, int]
    label_steps: int
    label_seconds: float


class CampaignPlan(BaseModel):
    """What a campaign would do.

    Attributes
    ----------
    families
        In the families' own order; ``kpoint_meshes`` counts structures by the Γ-centred mesh
        that a DFT engine would use (an embedded potential uses none).
    melt_quench
        Settings and step counts of the melt-quench, if any.
    label_seconds
        Estimated cost of all labels on this engine, s.
    notes
        In what the campaign may turn out differently.
    """

    campaign: str
    campaign_hash: str
    engine: str
    functional: str
    simulated_by: str
    uses_kpoints: bool
    families: list[FamilyPlan]
    melt_quench: dict[str, Any] | None
    structures: int
    atoms: int
    label_steps: int
    label_seconds: float
    training: dict[str, Any]
    notes: list[str]


def plan_campaign(campaign: Campaign) -> CampaignPlan:
    """Plan a campaign: structures are built in memory, nothing is labelled or written."""
    engine = make_engine(campaign.engine)
    candidates = campaign_candidates(campaign)
    records = [record_of(candidate) for candidate in candidates]
    steps: defaultdict[str, int] = defaultdict(int)
    seconds: defaultdict[str, float] = defaultdict(float)
    for run in label_runs(records, campaign.engine, engine, campaign.seed):
        steps[run.record.family] += run.estimated_steps
        seconds[run.record.family] += estimated_seconds(run, engine)
    families = []
    for family in FAMILIES:
        members = [candidate for candidate in candidates if candidate.family == family]
        if members:
            families.append(_family_plan(family, members, steps[family], seconds[family]))
    quench = campaign.engine.melt_quench
    return CampaignPlan(
        campaign=campaign.name,
        campaign_hash=campaign.campaign_hash,
        engine=engine.name,
        functional=engine.functional,
        simulated_by=engine.simulated_by,
        uses_kpoints=False,
        families=families,
        melt_quench=None
        if quench is None
        else {
            **quench.model_dump(mode="json"),
            "label": quench.label,
            "quench_steps": quench.quench_steps,
            "n_steps": quench.n_steps,
            "n_segments": quench.n_segments,
        },
        structures=len(candidates),
        atoms=sum(len(candidate.structure) for candidate in candidates),
        label_steps=sum(steps.values()),
        label_seconds=round(sum(seconds.values()), 1),
        training=campaign.training.model_dump(mode="json"),
        notes=_notes(campaign),
    )


def _notes(campaign: Campaign) -> list[str]:
    relaxed = [name for name, crystal in campaign.crystals.items() if crystal.relax]
    if not relaxed:
        return []
    return [
        f"planned with the lattice constants given for {', '.join(relaxed)}; "
        f"`generate` relaxes them with {campaign.engine.name} first"
    ]


def _family_plan(
    family: str, members: Iterable[Candidate], steps: int, seconds: float
) -> FamilyPlan:
    members = list(members)
    sizes = [len(member.structure) for member in members]
    meshes = Counter(
        "×".join(map(str, gamma_mesh(member.structure, vacuum=family in FAMILIES_WITH_VACUUM)))
        for member in members
    )
    return FamilyPlan(
        family=family,
        structures=len(members),
        atoms_min=min(sizes),
        atoms_median=statistics.median(sizes),
        atoms_max=max(sizes),
        kpoint_meshes=dict(meshes.most_common()),
        label_steps=steps,
        label_seconds=round(seconds, 1),
    )
