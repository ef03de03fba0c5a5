"""What a campaign would do and cost, before anything is computed."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from generators.candidate import FAMILIES, Candidate
from workflows.campaign import Campaign
from workflows.engines.engine import Engine, make_engine
from workflows.kpoints import has_vacuum, structure_mesh
from workflows.label_runs import MELT_QUENCH_FAMILIES, LabelRun, label_runs
from workflows.stages.generate import campaign_candidates
from workflows.structures_io import record_of
from workflows.vasp.dft_plan import DftPlan, plan_dft

Mesh = tuple[int, int, int]


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
        Settings, segments and expected frames of the melt-quench, if any.
    label_seconds
        Estimated cost of all labels on this engine, core seconds.
    dft
        Inputs of the DFT code, for the engine ``vasp``.
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
    dft: DftPlan | None = None
    notes: list[str]


def plan_campaign(campaign: Campaign) -> CampaignPlan:
    """Plan a campaign: structures are built in memory, nothing is labelled or written."""
    engine = make_engine(campaign.engine)
    candidates = campaign_candidates(campaign)
    meshes = {
        each.structure_id: structure_mesh(each.structure, campaign.engine.kpoint_length)
        for each in candidates
    }
    records = [record_of(candidate) for candidate in candidates]
    steps: defaultdict[str, int] = defaultdict(int)
    seconds: defaultdict[str, float] = defaultdict(float)
    for run in label_runs(records, campaign.engine, engine, campaign.seed):
        steps[run.record.family] += run.estimated_steps
        seconds[run.record.family] += _seconds(run, engine, meshes[run.record.structure_id])
    families = []
    for family in FAMILIES:
        members = [candidate for candidate in candidates if candidate.family == family]
        if members:
            shown = [meshes[member.structure_id] for member in members]
            families.append(_family_plan(family, members, shown, steps[family], seconds[family]))
    return CampaignPlan(
        campaign=campaign.name,
        campaign_hash=campaign.campaign_hash,
        engine=engine.name,
        functional=engine.functional,
        simulated_by=engine.simulated_by,
        uses_kpoints=engine.uses_kpoints,
        families=families,
        melt_quench=_melt_quench_plan(campaign, candidates),
        structures=len(candidates),
        atoms=sum(len(candidate.structure) for candidate in candidates),
        label_steps=sum(steps.values()),
        label_seconds=round(sum(seconds.values()), 1),
        training=campaign.training.model_dump(mode="json"),
        dft=_dft_plan(campaign, candidates) if campaign.engine.name == "vasp" else None,
        notes=_notes(campaign),
    )


def _seconds(run: LabelRun, engine: Engine, mesh: Mesh) -> float:
    """Core seconds of a run on the whole mesh, which symmetry leaves nearly as it is."""
    return run.estimated_steps * engine.seconds_per_step(len(run.record.atoms), math.prod(mesh))


def _melt_quench_plan(campaign: Campaign, candidates: list[Candidate]) -> dict[str, Any] | None:
    quench = campaign.engine.melt_quench
    if quench is None:
        return None
    n_runs = sum(candidate.family in MELT_QUENCH_FAMILIES for candidate in candidates)
    return {
        **quench.model_dump(mode="json"),
        "label": quench.label,
        "quench_steps": quench.quench_steps,
        "n_steps": quench.n_steps,
        "n_segments": quench.n_segments,
        "segments": [segment._asdict() for segment in quench.segments],
        "n_runs": n_runs,
        "frames": n_runs * quench.n_steps,
    }


def _dft_plan(campaign: Campaign, candidates: list[Candidate]) -> DftPlan:
    """Plan the inputs, for the first structure with vacuum and the first that is melted."""
    examples = []
    slab = next((each for each in candidates if has_vacuum(each.structure)), candidates[0])
    examples.append(("relax", slab.structure_id, slab.structure))
    if campaign.engine.melt_quench is not None:
        melted = (each for each in candidates if each.family in MELT_QUENCH_FAMILIES)
        examples += [("melt_quench", each.structure_id, each.structure) for each in melted][:1]
    return plan_dft(campaign.engine, examples)


def _notes(campaign: Campaign) -> list[str]:
    notes = []
    relaxed = [name for name, crystal in campaign.crystals.items() if crystal.relax]
    if relaxed:
        notes.append(
            f"planned with the lattice constants given for {', '.join(relaxed)}; "
            f"`generate` relaxes them with {campaign.engine.name} first"
        )
    if (tuning := campaign.tuning) is not None:
        notes.append(
            f"study of {campaign.training.variant}: {tuning.generations} generations of "
            f"{tuning.offspring}, {tuning.n_trials} trainings of {campaign.training.max_epochs} "
            "epochs (`cuprolith tune --dry-run` shows the search space)"
        )
    return notes


def _family_plan(
    family: str, members: list[Candidate], meshes: Iterable[Mesh], steps: int, seconds: float
) -> FamilyPlan:
    sizes = [len(member.structure) for member in members]
    counts = Counter("×".join(map(str, mesh)) for mesh in meshes)
    return FamilyPlan(
        family=family,
        structures=len(members),
        atoms_min=min(sizes),
        atoms_median=statistics.median(sizes),
        atoms_max=max(sizes),
        kpoint_meshes=dict(counts.most_common()),
        label_steps=steps,
        label_seconds=round(seconds, 1),
    )
