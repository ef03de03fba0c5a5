"""Settings that vacancies and adatoms share: which slabs carry a defect."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from cuprolith.settings import Listed, Settings
from generators.crystals import named_crystal
from generators.errors import GenerationError
from generators.family import BuildContext
from generators.plane_supercells import PlaneCellName
from generators.settings import Names, Repeats, WrittenMillerIndices
from generators.slab import Slab


class SurfaceDefectSettings(Settings):
    """Which slabs carry a defect, and on which in-plane supercell."""

    crystals: Names | None = Field(default=None, description="default: all slabs'")
    miller_indices: WrittenMillerIndices | None = Field(
        default=None, description="default: all slabs'"
    )
    supercell: Annotated[tuple[Repeats, Repeats], Listed] = Field(
        default=(1, 1), description="in-plane repeats of the cell"
    )
    cell: PlaneCellName = Field(
        default="smallest",
        description="what is repeated: the smallest in-plane cell, or the larger one that "
        "pymatgen's SlabGenerator makes of the same plane",
    )


def chosen_slabs(settings: SurfaceDefectSettings, context: BuildContext, each: int) -> list[Slab]:
    """Return the slabs that a section names, and reserve `each` defects on every one.

    Raises
    ------
    GenerationError
        If one that is named has no slab, or the defects are too many or too large.
    """
    where, slabs = context.where, context.slabs
    for name in settings.crystals or ():
        named_crystal(context.crystals, name, f"{where}.crystals")
        if all(slab.crystal.name != name for slab in slabs):
            raise GenerationError(
                f"there are no slabs of {name!r}",
                key=f"{where}.crystals",
                remedy="Ask for some in `structures.slabs`",
            )
    chosen = [
        slab
        for slab in slabs
        if settings.crystals is None or slab.crystal.name in settings.crystals
    ]
    if not chosen:
        raise GenerationError(
            "there are no slabs", key=where, remedy="Ask for some in `structures.slabs`"
        )
    present = sorted({slab.miller_index for slab in chosen})
    wanted = present if settings.miller_indices is None else settings.miller_indices
    for index in wanted:
        if index not in present:
            raise GenerationError(
                f"there is no slab {index}; there are {', '.join(map(str, present))}",
                key=f"{where}.miller_indices",
                remedy="Name one of these, or add the plane to `structures.slabs`",
            )
    chosen = [slab for slab in chosen if slab.miller_index in wanted]
    for slab in chosen:
        atoms = len(slab.structure) * math.prod(settings.supercell)
        context.budget.reserve(each, atoms, f"{where}.supercell")
    return chosen
