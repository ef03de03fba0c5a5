"""Overview of a catalogue: counts, sizes and costs, beside a publication and pymatgen's cells."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel
from pymatgen.core import Lattice, Structure

from cuprolith.arrays import IntArray
from generators.candidate import Candidate
from generators.catalogue import Catalogue
from generators.crystals import standard_crystal
from generators.family import kinds
from generators.plane_supercells import pymatgen_plane_cell, supercell_size
from generators.settings import MillerIndex
from workflows.inputs.campaign import Campaign, PublishedSettings
from workflows.kpoints import gamma_mesh, has_vacuum, structure_mesh
from workflows.labelling.lattice_constants import RelaxedCrystal, lattice_constants

Plane = tuple[str, MillerIndex]


class Cost(BaseModel):
    """Relative cost of one DFT step of each of some structures.

    Attributes
    ----------
    atoms_cubed
        Sum of N³.
    with_kpoints
        Sum of N³ k; k counts the points of the campaign's Γ-centred mesh, symmetry not used.
    """

    atoms_cubed: int = 0
    with_kpoints: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            atoms_cubed=self.atoms_cubed + other.atoms_cubed,
            with_kpoints=self.with_kpoints + other.with_kpoints,
        )


class PymatgenCells(BaseModel):
    """The structures that have a counterpart on the oriented cell of pymatgen's SlabGenerator.

    That is its oriented unit cell. Asked for primitive slabs, SlabGenerator finds a smaller cell
    for some planes, and for fewer of them with ``lll_reduce``.

    Attributes
    ----------
    structures
        Their number: slabs and defects on the smallest in-plane cell.
    here, there
        Cost of these on the smallest cell, and on pymatgen's.
    """

    structures: int
    here: Cost
    there: Cost

    @property
    def atoms_cubed_ratio(self) -> float | None:
        """Cost of pymatgen's cells over ours; None where there are none."""
        return self._ratio("atoms_cubed")

    @property
    def with_kpoints_ratio(self) -> float | None:
        """The same with k-points counted."""
        return self._ratio("with_kpoints")

    def _ratio(self, what: str) -> float | None:
        here: int = getattr(self.here, what)
        return getattr(self.there, what) / here if here else None


class FamilyOverview(BaseModel):
    """One family, or the total, of a catalogue."""

    family: str
    structures: int
    published: int | None
    atoms: int
    atoms_min: int
    atoms_median: float
    atoms_max: int
    free_atoms: int
    cost: Cost
    pymatgen_cells: PymatgenCells

    @property
    def difference(self) -> int | None:
        """Number of structures less the published number."""
        return None if self.published is None else self.structures - self.published


class Duplicate(BaseModel):
    """A candidate left out because it equals another one."""

    structure_id: str
    family: str
    kept: str


class CrystalOverview(BaseModel):
    """Lattice constants (Å, degrees) that everything was cut with, and where they come from."""

    constants: dict[str, float]
    source: str


class Overview(BaseModel):
    """Overview of a catalogue.

    Attributes
    ----------
    families
        In the families' own order; also those that only the publication has.
    total
        All families; `published` sums up the families that the publication counts.
    published_source
        The publication; "" if the campaign names none.
    notes
        What was asked for and skipped, and why.
    """

    campaign: str
    campaign_hash: str
    crystals: dict[str, CrystalOverview]
    families: list[FamilyOverview]
    total: FamilyOverview
    published_source: str
    notes: list[str]
    duplicates: list[Duplicate]


def make_overview(
    campaign: Campaign,
    crystals: Mapping[str, Structure],
    relaxed: Mapping[str, RelaxedCrystal],
    catalogue: Catalogue,
) -> Overview:
    """Return counts, sizes and costs of a catalogue.

    Parameters
    ----------
    crystals
        The crystals that the catalogue was made of.
    relaxed
        Those of them that the engine relaxed.
    """
    cells = _pymatgen_cells(crystals, catalogue.candidates)
    length = campaign.engine.kpoint_length
    costs = {
        candidate.structure_id: _costs(candidate, cells, length)
        for candidate in catalogue.candidates
    }
    published = campaign.published
    families = [
        _family(
            family,
            [candidate for candidate in catalogue.candidates if candidate.family == family],
            costs,
            published.counts.get(family) if published else None,
        )
        for family in kinds()
    ]
    families = [family for family in families if family.structures or family.published]
    return Overview(
        campaign=campaign.name,
        campaign_hash=campaign.campaign_hash,
        crystals={
            name: _crystal(campaign, name, crystal, relaxed) for name, crystal in crystals.items()
        },
        families=families,
        total=_family("all", catalogue.candidates, costs, _published_total(published)),
        published_source=published.source if published else "",
        notes=list(catalogue.notes),
        duplicates=[
            Duplicate(structure_id=removed.structure_id, family=removed.family, kept=kept)
            for removed, kept in catalogue.duplicates
        ],
    )


def _family(
    name: str,
    members: Sequence[Candidate],
    costs: Mapping[str, tuple[Cost, Cost | None]],
    published: int | None,
) -> FamilyOverview:
    sizes = [len(member.structure) for member in members]
    both = [costs[member.structure_id] for member in members]
    compared = [(here, there) for here, there in both if there is not None]
    return FamilyOverview(
        family=name,
        structures=len(members),
        published=published,
        atoms=sum(sizes),
        atoms_min=min(sizes, default=0),
        atoms_median=statistics.median(sizes) if sizes else 0,
        atoms_max=max(sizes, default=0),
        free_atoms=sum(sum(member.free_mask) for member in members),
        cost=sum((here for here, _ in both), Cost()),
        pymatgen_cells=PymatgenCells(
            structures=len(compared),
            here=sum((here for here, _ in compared), Cost()),
            there=sum((there for _, there in compared), Cost()),
        ),
    )


def _published_total(published: PublishedSettings | None) -> int | None:
    return sum(published.counts.values()) if published else None


def _crystal(
    campaign: Campaign,
    name: str,
    crystal: Structure,
    relaxed: Mapping[str, RelaxedCrystal],
) -> CrystalOverview:
    if name in relaxed:
        source = f"relaxed with {relaxed[name].engine} ({relaxed[name].functional})"
        return CrystalOverview(constants=relaxed[name].relaxed, source=source)
    settings = campaign.crystals[name]
    constants = lattice_constants(standard_crystal(name, crystal).conventional.lattice)
    default = "as given in the campaign" if settings.file is None else str(settings.file.name)
    return CrystalOverview(constants=constants, source=settings.source or default)


def _costs(
    candidate: Candidate, cells: Mapping[Plane, IntArray], length: float
) -> tuple[Cost, Cost | None]:
    """Cost of a candidate, and of its counterpart on pymatgen's oriented cell, if it has one."""
    n_atoms = len(candidate.structure)
    here = _cost(n_atoms, structure_mesh(candidate.structure, length))
    plane = _plane(candidate)
    if plane is None:
        return here, None
    # Rows of `own` are the candidate's in-plane vectors in those of the smallest cell.
    own = np.diag(_repeats(candidate))
    larger = np.eye(3)
    larger[:2, :2] = own @ cells[plane] @ np.linalg.inv(own)
    # The mesh depends on the cell alone; one atom of any kind represents the rest.
    there = Structure(Lattice(larger @ candidate.structure.lattice.matrix), ["H"], [[0, 0, 0]])
    mesh = gamma_mesh(there, vacuum=has_vacuum(candidate.structure), length=length)
    return here, _cost(n_atoms * supercell_size(cells[plane]), mesh)


def _cost(n_atoms: int, mesh: Sequence[int]) -> Cost:
    return Cost(atoms_cubed=n_atoms**3, with_kpoints=n_atoms**3 * math.prod(mesh))


def _pymatgen_cells(
    crystals: Mapping[str, Structure], candidates: Sequence[Candidate]
) -> dict[Plane, IntArray]:
    standard = {name: standard_crystal(name, crystal) for name, crystal in crystals.items()}
    planes = {plane for candidate in candidates if (plane := _plane(candidate)) is not None}
    return {(name, index): pymatgen_plane_cell(standard[name], index) for name, index in planes}


def _plane(candidate: Candidate) -> Plane | None:
    """Crystal and plane of a slab or of its defects, if on repeats of the smallest cell.

    Interfaces have two crystals, and bulk cells no plane.
    """
    on_smallest = candidate.parameters.get("cell", "smallest") == "smallest"
    crystal = candidate.parameters.get("crystal")
    if crystal is not None and candidate.miller_index is not None and on_smallest:
        return crystal, candidate.miller_index
    return None


def _repeats(candidate: Candidate) -> tuple[int, int]:
    """In-plane repeats of the smallest cell in a candidate's."""
    parameters = candidate.parameters
    first, second = parameters.get("supercell", (1, 1))[:2]
    rattled = parameters.get("rattle", {}).get("supercell", (1, 1))
    return first * rattled[0], second * rattled[1]
