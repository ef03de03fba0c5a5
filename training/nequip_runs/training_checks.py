"""Check before a training that the frames have everything that the model needs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ase import Atoms
from ase.neighborlist import neighbor_list

from training.dataset.isolated_atoms import is_isolated_atom
from training.dataset.splits import SplitName
from training.errors import TrainingError
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from training.source import TrainingSource

_HELD_OUT: tuple[SplitName, ...] = ("val", "test")
# The share of space that spheres can fill (Kepler).
_CLOSEST_PACKING = math.pi / math.sqrt(18)


class NoNeighboursError(TrainingError):
    """No atom has a neighbour within the model's cutoff."""


def check_elements(settings: TrainingSettings, source: TrainingSource) -> None:
    """Check that every element is trained on, and has the atomic energy that it needs.

    Raises
    ------
    TrainingError
        With elements, files and remedy.
    """
    trained = source.elements("train")
    for split in _HELD_OUT:
        if source.n_frames(split) == 0:
            continue
        untrained = sorted(source.elements(split) - trained)
        if untrained:
            raise TrainingError(
                f"{', '.join(untrained)}: in {source.place(split)}, but in no frame of "
                f"{source.place('train')}, so a model cannot learn it. Split the frames so that "
                "train has every element (`cuprolith collect` does; public datasets: raise "
                "`n_train`), or leave out the frames with it"
            )
    given = settings.atomic_energies
    missing = sorted(trained - set(given)) if given is not None else []
    if missing:
        raise TrainingError(
            f"`atomic_energies` lacks {', '.join(missing)}, which {source.place('train')} has: "
            "give the energy of every element, or of none"
        )


def check_neighbours(settings: TrainingSettings, source: TrainingSource) -> None:
    """Check that some atom of the training frames has a neighbour within `r_max`.

    Raises
    ------
    NoNeighboursError
        If no atom has one.
    """
    r_max = settings.model.r_max
    if not any(_has_neighbours(atoms, r_max) for atoms in source.structures("train")):
        raise NoNeighboursError(
            f"no atom has a neighbour within r_max = {r_max:g} Å in any frame of "
            f"{source.place('train')}: there is nothing to learn; raise `model.r_max` (5 is "
            "usual), and check that positions are in Å"
        )


def training_warnings(settings: TrainingSettings, source: TrainingSource) -> list[str]:
    """Return the warnings to show before a training; reads the training frames.

    These include the warnings on a dataset's card, and frames in which no atom has a neighbour
    within `r_max` although they are not isolated atoms.
    """
    r_max = settings.model.r_max
    n_lonely = sum(
        not _has_neighbours(atoms, r_max)
        for atoms in source.structures("train")
        if not is_isolated_atom(atoms)
    )
    warnings = list(source.warnings)
    if n_lonely:
        warnings.append(
            f"in {n_lonely} of {source.n_frames('train')} training frames no atom has a neighbour "
            f"within r_max = {r_max:g} Å: there the model gives the energies of isolated atoms and "
            "no forces; raise `model.r_max` to learn them"
        )
    return warnings


def _has_neighbours(atoms: Atoms, r_max: float) -> bool:
    """Whether any two atoms, images included, are within `r_max` of each other."""
    if atoms.pbc.all():
        spheres = len(atoms) * math.pi / 6 * r_max**3
        if spheres > _CLOSEST_PACKING * atoms.get_volume():
            return True  # spheres of this diameter cannot be packed so densely without overlap
    return bool(len(neighbor_list("i", atoms, r_max)))
