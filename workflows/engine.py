"""Engines: what computes labels, as three makers with the same verbs.

Each module or folder of ``workflows.engines`` defines one, as ``ENGINE``; other packages add theirs
through the entry points ``cuprolith.engines``. Nothing else lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, TypeAdapter

from cuprolith.errors import CuprolithError
from cuprolith.registry import Registry, union_of
from workflows.engine_settings import EngineSettings

if TYPE_CHECKING:
    from ase import Atoms
    from jobflow import Maker
    from pymatgen.core import Composition, Structure

    from workflows.checks import Check

DEFAULT_ENGINE = "diep-r2scan"

RunsOn = Literal["cpu", "gpu", "mpi"]


@dataclass(frozen=True)
class Engine:
    """An engine with a campaign's settings, ready to make jobs.

    Attributes
    ----------
    name, functional, config_hash
        Identity of the labels. The hash covers all that decides the label of given positions
        (package version, weights), and nothing that decides which positions are visited.
    simulated
        Whether labels are no results of DFT.
    simulated_by
        One sentence for reports: what produced the numbers.
    relax, static, melt_quench
        Makers; ``melt_quench`` is None when the campaign asks for none.
    seconds_per_step
        Estimates the cost of labelling one ionic step, core seconds, from the numbers of atoms and
        of k-points in the whole mesh.
    runs_on
        What a job needs, for queues: cores of one process, a GPU, or MPI.
    """

    name: str
    functional: str
    config_hash: str
    simulated: bool
    simulated_by: str
    relax: Maker
    static: Maker
    melt_quench: Maker | None
    seconds_per_step: Callable[[int, int], float]
    runs_on: RunsOn = "cpu"

    def maker(self, task: str) -> Maker:
        """Return the maker of a structure's first run: ``relax`` or ``static``."""
        return self.static if task == "static" else self.relax


S = TypeVar("S", bound=EngineSettings)


@dataclass(frozen=True, kw_only=True)
class EngineEntry(Generic[S]):
    """All there is about an engine before a campaign asks for it.

    Its methods import what is slow (torch, atomate2) inside.

    Attributes
    ----------
    settings
        What a campaign may say about it; the default of its field `name` names the engine.
    uses_kpoints
        Whether labels depend on a mesh of k-points.
    log_files
        Names of the files in which a run's programs write what they do, most telling first. Such
        runs have folders ``labels/runs/<name>/<structure>`` in the workdir.
    packages
        Python packages whose versions belong to a campaign's records.
    labels_crystals, labels_molecules
        Whether it labels structures with a cell, and those without one.
    """

    settings: type[S]
    uses_kpoints: bool = False
    log_files: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    labels_crystals: bool = True
    labels_molecules: bool = False

    @property
    def name(self) -> str:
        """Name in campaigns."""
        return str(self.settings.model_fields["name"].default)

    def build(self, settings: S) -> Engine:
        """Build the engine.

        Raises
        ------
        CuprolithError
            If it is not installed, or cannot work with these settings.
        """
        raise NotImplementedError

    def checks(self, settings: S | None) -> list[Check]:
        """Examine the installation for ``doctor``.

        Parameters
        ----------
        settings
            Settings of the campaign that is examined; None if it uses another engine.
        """
        raise NotImplementedError

    def node_checks(self) -> list[Check]:
        """Examine what jobs find on a node, for ``doctor --hpc``; called on the node.

        Only for engines whose programs are started with MPI.
        """
        return []

    def campaign_checks(self, settings: S, elements: Sequence[str]) -> list[Check]:
        """Check what else a campaign with these elements needs."""
        return []

    def check_structure(self, settings: S, atoms: Atoms) -> None:
        """Check that it can label a structure, which is periodic or has no cell.

        Raises
        ------
        CuprolithError
            If not, with the key to change.
        """
        if atoms.pbc.any() and not self.labels_crystals:
            raise CuprolithError(
                f"the engine {self.name} labels molecules without a cell, and this is periodic",
                key="engine.name",
                remedy="ask for `structures.molecules` (and `box: null` where there is a box), or "
                "use an engine of crystals",
            )
        if not atoms.pbc.any() and not self.labels_molecules:
            able = [entry.name for entry in ENGINES if entry.labels_molecules]
            raise CuprolithError(
                f"the engine {self.name} labels structures with a cell, and this has none",
                key="engine.name",
                remedy=f"use an engine of molecules: {', '.join(able)}",
            )

    def unfit(
        self, settings: S, elements: Sequence[str], solids: Sequence[Composition]
    ) -> list[str]:
        """Warn of settings that do not fit the elements: a line each, with the key to change.

        Parameters
        ----------
        elements
            Symbols of all elements of the campaign.
        solids
            Compositions of its crystals and mixtures.
        """
        return []

    def input_plan(
        self, settings: S, examples: Iterable[tuple[str, str, Structure]], elements: Sequence[str]
    ) -> BaseModel | None:
        """Show the input files that runs would get; None for engines that have none.

        Parameters
        ----------
        examples
            Task, structure id and structure, one for each task shown.

        Returns
        -------
        BaseModel | None
            Is printed with rich, so that it defines ``__rich_console__``.
        """
        return None


ENGINES: Registry[EngineEntry[Any]] = Registry("engine", EngineEntry, "workflows.engines")


def make_engine(settings: EngineSettings) -> Engine:
    """Build the engine a campaign asks for.

    Raises
    ------
    CuprolithError
        If the engine is not installed.
    """
    return ENGINES[settings.name].build(settings)


def engine_union() -> Any:
    """Return the union of all engines' settings, as an annotation: `name` chooses."""
    settings = {entry.name: entry.settings for entry in ENGINES}
    return union_of(settings, "name", default=DEFAULT_ENGINE)


def engine_settings(**given: Any) -> EngineSettings:
    """Return validated settings of the engine that `name` chooses, else of the default one.

    Raises
    ------
    ValidationError
        If they are none.
    """
    return cast("EngineSettings", TypeAdapter(engine_union()).validate_python(given))
