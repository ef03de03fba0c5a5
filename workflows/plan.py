"""Plan of a campaign: what it would do and cost; nothing is computed."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, SerializeAsAny
from pymatgen.core import Composition, Structure

from cuprolith.words import plural
from generators.candidate import Candidate
from generators.conventional_cell import CellChoice
from generators.crystals import standard_crystal
from generators.family import kind_of, kinds
from generators.size_limits import size_notes
from workflows.engine import ENGINES, Engine, make_engine
from workflows.inputs.campaign import Campaign
from workflows.inputs.campaign_crystals import campaign_crystals
from workflows.kpoints import LEAST_VACUUM, has_vacuum, structure_mesh
from workflows.labelling.fitting_structures import labelled_by
from workflows.labelling.label_runs import LabelRun, label_runs
from workflows.labelling.unfit_settings import elements_of
from workflows.stages.generate import campaign_candidates
from workflows.structures.structure_files import record_of

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


class CrystalPlan(BaseModel):
    """The conventional cell that Miller indices refer to.

    Attributes
    ----------
    axes
        Whose axes they are (see `generators.conventional_cell`).
    lattice
        a, b, c (Å) and alpha, beta, gamma (degrees).
    file
        Name of the crystal's file; "" for prototypes.
    """

    name: str
    formula: str
    space_group: str
    axes: CellChoice
    lattice: dict[str, float]
    file: str

    def __str__(self) -> str:
        """One line for the terminal."""
        lengths = ", ".join(f"{key} = {self.lattice[key]:.4g}" for key in "abc")
        angles = ", ".join(f"{self.lattice[key]:.4g}" for key in ("alpha", "beta", "gamma"))
        cell = f"{lengths} Å, angles {angles}°, {self.space_group}"
        source = self.file or "the prototype"
        if self.axes == "standard":
            return (
                f"(hkl) of {self.name}: {cell}, the standard conventional cell; the cell in "
                f"{source} is not conventional"
            )
        divided = ", whose cell repeats it" if self.axes == "divided" else ""
        return f"(hkl) of {self.name}: {cell}, in the axes of {source}{divided}"


class CampaignPlan(BaseModel):
    """Plan of a campaign.

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
        Input files that runs get, for engines that have such files.
    crystals
        The cell of each crystal that Miller indices refer to.
    notes
        Settings that do not fit the elements, and how the campaign may differ from the plan.
    """

    campaign: str
    campaign_hash: str
    engine: str
    functional: str
    simulated: bool
    simulated_by: str
    uses_kpoints: bool
    families: list[FamilyPlan]
    melt_quench: dict[str, Any] | None
    structures: int
    atoms: int
    label_steps: int
    label_seconds: float
    training: dict[str, Any]
    dft: SerializeAsAny[BaseModel] | None = None
    crystals: list[CrystalPlan]
    notes: list[str]


def plan_campaign(campaign: Campaign) -> CampaignPlan:
    """Plan a campaign: structures are built in memory, nothing is labelled or written."""
    engine = make_engine(campaign.engine)
    given = campaign_crystals(campaign)
    candidates = campaign_candidates(campaign, given)
    crystals = [_crystal_plan(name, crystal, campaign) for name, crystal in given.items()]
    meshes = {
        each.structure_id: structure_mesh(each.structure, campaign.engine.kpoint_length)
        for each in candidates
    }
    records = list(labelled_by(campaign.engine, map(record_of, candidates)))
    steps: defaultdict[str, int] = defaultdict(int)
    seconds: defaultdict[str, float] = defaultdict(float)
    for run in label_runs(records, campaign.engine, engine, campaign.seed):
        steps[run.record.family] += run.estimated_steps
        seconds[run.record.family] += _seconds(run, engine, meshes[run.record.structure_id])
    families = []
    for family in kinds():
        members = [candidate for candidate in candidates if candidate.family == family]
        if members:
            shown = [meshes[member.structure_id] for member in members]
            families.append(_family_plan(family, members, shown, steps[family], seconds[family]))
    return CampaignPlan(
        campaign=campaign.name,
        campaign_hash=campaign.campaign_hash,
        engine=engine.name,
        functional=engine.functional,
        simulated=engine.simulated,
        simulated_by=engine.simulated_by,
        uses_kpoints=ENGINES[campaign.engine.name].uses_kpoints,
        families=families,
        melt_quench=_melt_quench_plan(campaign, candidates),
        structures=len(candidates),
        atoms=sum(len(candidate.structure) for candidate in candidates),
        label_steps=sum(steps.values()),
        label_seconds=round(sum(seconds.values()), 1),
        training=campaign.training.model_dump(mode="json"),
        dft=_input_plan(campaign, candidates),
        crystals=crystals,
        notes=[
            *_unfit(campaign, candidates, given),
            *_too_close(candidates),
            *_notes(campaign),
            *size_notes(candidates),
        ],
    )


def _seconds(run: LabelRun, engine: Engine, mesh: Mesh) -> float:
    """Core seconds of a run on the full mesh; slabs have little symmetry to reduce it."""
    return run.estimated_steps * engine.seconds_per_step(len(run.record.atoms), math.prod(mesh))


def _melt_quench_plan(campaign: Campaign, candidates: list[Candidate]) -> dict[str, Any] | None:
    quench = campaign.engine.melt_quench
    if quench is None:
        return None
    n_runs = sum(kind_of(candidate.family).melts for candidate in candidates)
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


def _input_plan(campaign: Campaign, candidates: list[Candidate]) -> BaseModel | None:
    """Plan the inputs, for the first structure with vacuum and the first that is melted."""
    examples: list[tuple[str, str, Structure]] = []
    slab = next((each for each in candidates if has_vacuum(each.structure)), candidates[0])
    examples.append((campaign.engine.task, slab.structure_id, slab.structure))
    if campaign.engine.melt_quench is not None:
        melted = (each for each in candidates if kind_of(each.family).melts)
        examples += [("melt_quench", each.structure_id, each.structure) for each in melted][:1]
    elements = elements_of(candidate.structure for candidate in candidates)
    return ENGINES[campaign.engine.name].input_plan(campaign.engine, examples, elements)


def _crystal_plan(name: str, structure: Structure, campaign: Campaign) -> CrystalPlan:
    crystal = standard_crystal(name, structure)
    file = campaign.crystals[name].file
    return CrystalPlan(
        name=name,
        formula=structure.composition.reduced_formula,
        space_group=crystal.space_group,
        axes=crystal.choice,
        lattice=crystal.parameters["lattice"],
        file="" if file is None else file.name,
    )


def solids_of(campaign: Campaign, crystals: Mapping[str, Structure]) -> list[Composition]:
    """Return the compositions of a campaign's crystals and mixtures."""
    mixtures = [
        Composition(formula)
        for family, _, section in campaign.structures.sections()
        for formula in family.mixtures(section)
    ]
    return [*(crystal.composition for crystal in crystals.values()), *mixtures]


def _unfit(
    campaign: Campaign, candidates: list[Candidate], crystals: Mapping[str, Structure]
) -> list[str]:
    elements = elements_of(candidate.structure for candidate in candidates)
    entry = ENGINES[campaign.engine.name]
    return entry.unfit(campaign.engine, elements, solids_of(campaign, crystals))


def _too_close(candidates: list[Candidate]) -> list[str]:
    """Warn of vacuum too narrow to count as vacuum."""
    narrow = [
        candidate
        for candidate in candidates
        if candidate.parameters.get("vacuum") and not has_vacuum(candidate.structure)
    ]
    if not narrow:
        return []
    families = ", ".join(sorted({candidate.family for candidate in narrow}))
    return [
        f"the vacuum of {plural(len(narrow), 'structure')} ({families}) is no wider than "
        f"{LEAST_VACUUM:g} Å: their surfaces are not free and they get k-points across it, e.g. "
        f"{narrow[0].structure_id}; raise `vacuum`"
    ]


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
