"""Inputs that a campaign would give VASP, task by task; nothing is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel
from pymatgen.core import Structure
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.table import Table

from workflows.engines.vasp.inputs import (
    CampaignInputGenerator,
    MeltQuenchInputGenerator,
    RelaxInputGenerator,
    StaticInputGenerator,
)
from workflows.engines.vasp.paper_settings import deviations, unstated
from workflows.engines.vasp.potcars import campaign_potcars, potcar_problems
from workflows.engines.vasp.settings import VaspEngineSettings, VaspSettings


class TaskInputs(BaseModel):
    """Inputs of one task, for the structure named.

    Attributes
    ----------
    example
        Structure they are shown for; SMASS, the mesh and the dipole correction depend on it.
    incar
        INCAR as written, tag by tag.
    mesh
        Divisions of the Γ-centred mesh.
    """

    task: str
    example: str
    incar: dict[str, str]
    mesh: str


class DftPlan(BaseModel):
    """Inputs that a campaign would give VASP.

    Attributes
    ----------
    potcars
        Potential of each element of the campaign, with its TITEL where it could be read.
    deviations
        Settings that differ from the paper's.
    unstated
        Choices that the paper does not state.
    notes
        What prevents running it here, and warnings.
    """

    command: str
    potcar_family: str
    potcars: dict[str, str]
    tasks: list[TaskInputs]
    deviations: list[str]
    unstated: dict[str, str]
    notes: list[str]

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """Show it on a terminal."""
        table = Table(title=f"INCAR, run by `{self.command}`")
        table.add_column("tag")
        for task in self.tasks:
            table.add_column(f"{task.task}\n{escape(task.example)}\nk-mesh {task.mesh}")
        for tag in sorted({tag for task in self.tasks for tag in task.incar}):
            table.add_row(tag, *(escape(task.incar.get(tag, "")) for task in self.tasks))
        yield table
        potcars = ", ".join(f"{element}: {title}" for element, title in self.potcars.items())
        yield f"POTCARs of {self.potcar_family}: {escape(potcars)}"
        yield "deviations from the paper: " + escape("; ".join(self.deviations) or "none")
        chosen = "; ".join(f"{key}: {value}" for key, value in self.unstated.items())
        yield f"not stated by the paper, chosen here: {escape(chosen)}"
        yield "cost is in core hours, rough: to within a factor of three or so"
        for note in self.notes:
            yield f"[yellow]•[/] {escape(note)}"


def plan_dft(
    settings: VaspEngineSettings,
    examples: Iterable[tuple[str, str, Structure]],
    elements: Sequence[str],
) -> DftPlan:
    """Plan the inputs.

    Parameters
    ----------
    settings
        The engine.
    examples
        Task (``relax``, ``static`` or ``melt_quench``), structure id and structure, one for each
        task shown.
    elements
        Symbols of all elements of the campaign.
    """
    tasks = [
        _task_inputs(_generator(task, settings, structure), structure_id)
        for task, structure_id, structure in examples
    ]
    potcars, notes = _potcars(settings.vasp, elements)
    return DftPlan(
        command=settings.vasp.command,
        potcar_family=settings.vasp.potcar_family,
        potcars=potcars,
        tasks=tasks,
        deviations=deviations(settings),
        unstated=unstated(settings.vasp, elements),
        notes=notes,
    )


def _generator(
    task: str, settings: VaspEngineSettings, structure: Structure
) -> CampaignInputGenerator:
    quench = settings.melt_quench
    if task == "melt_quench" and quench is not None:
        return MeltQuenchInputGenerator(
            structure, settings=settings.vasp, melt_quench=quench, segment=quench.segments[0]
        )
    if task == "static":
        return StaticInputGenerator(structure, settings=settings.vasp)
    return RelaxInputGenerator(structure, settings=settings.vasp, relax=settings.relax)


def _task_inputs(generator: CampaignInputGenerator, structure_id: str) -> TaskInputs:
    tags = {**generator.incar, **generator.settings.parallel.incar()}
    return TaskInputs(
        task=generator.task,
        example=structure_id,
        incar={tag: str(value) for tag, value in sorted(tags.items())},
        mesh="×".join(str(divisions) for divisions in generator.kpoints_updates.kpts[0]),
    )


def _potcars(settings: VaspSettings, elements: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Potentials as chosen, with titles if they can be read, and what is wrong with them."""
    chosen = {element: settings.potcars.get(element, "missing") for element in elements}
    notes = [f"cannot run: {problem}" for problem in potcar_problems(settings, elements)]
    if settings.program.plan_note:
        notes.append(settings.program.plan_note)
    if notes:
        return chosen, notes
    found = campaign_potcars(settings, elements)
    titles = {
        element: f"{potcar.facts.titel} ({potcar.facts.sha256[:12]})"
        for element, potcar in zip(elements, found, strict=True)
    }
    unknown = [
        f"{potcar.facts.symbol}: pymatgen does not know this file; check that it is unchanged"
        for potcar in found
        if not potcar.facts.families
    ]
    hard = [
        f"engine.vasp.encut is {settings.encut:g} eV, below the {potcar.facts.enmax:g} eV (ENMAX) "
        f"that {potcar.facts.symbol} was made for; raise it"
        for potcar in found
        if potcar.facts.enmax > settings.encut
    ]
    return titles, unknown + hard
