"""How far one label engine is from another on the same configurations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from ase.data import chemical_symbols

from analysis.evaluation import Errors
from cuprolith.arrays import FloatArray
from training.dataset.atomic_energies import fit_atomic_energies
from training.dataset.frames import Frame

_SAME = 1e-6  # Å; coordinates that went through fractional ones differ in their last bits


@dataclass(frozen=True)
class Agreement:
    """Deviation of an engine from the reference on a group of frames.

    Attributes
    ----------
    energy_mae
        eV/atom, after the elements' energies are brought together.
    reference_force_rms, force_rmse
        Size of the reference forces, and deviation from them, eV/Å per component.
    force_slope
        Of the engine's forces against the reference's through the origin; below 1 is soft. NaN
        where symmetry lets no force act.
    stress_rmse
        eV/Å³ per component.
    """

    n_frames: int
    n_atoms: int
    energy_mae: float
    reference_force_rms: float
    force_rmse: float
    force_slope: float
    stress_rmse: float


def engine_agreement(reference: Sequence[Frame], others: Sequence[Frame]) -> dict[str, Agreement]:
    """Compare two engines by family, and over all frames (``all``).

    Engines differ in the zero of each element's energy. The differences per element are fitted
    by least squares over all frames and taken off; what is left are differences of formation,
    strain, surface and defect energies.

    Parameters
    ----------
    reference, others
        Labels of the same configurations in the same order, with stresses.

    Raises
    ------
    ValueError
        If the configurations differ, or a stress is missing.
    """
    for one, other in zip(reference, others, strict=True):
        same = np.array_equal(one.numbers, other.numbers) and np.allclose(
            one.positions, other.positions, rtol=0, atol=_SAME
        )
        if not same:
            raise ValueError(f"{one.structure_id}: the engines labelled different configurations")
    energies = _on_common_zero(reference, others)
    families = np.array([frame.family for frame in reference])
    groups = {family: families == family for family in dict.fromkeys(families.tolist())}
    groups["all"] = np.ones(len(families), dtype=bool)
    return {
        name: _agreement(
            list(compress(reference, chosen)),
            list(compress(others, chosen)),
            energies[chosen],
        )
        for name, chosen in groups.items()
    }


def _on_common_zero(reference: Sequence[Frame], others: Sequence[Frame]) -> FloatArray:
    """Energies of the other engine, eV, less its elements' differences from the reference."""
    numbers = np.unique(np.concatenate([frame.numbers for frame in reference]))
    symbols = tuple(chemical_symbols[number] for number in numbers)
    differences = [
        replace(other, energy=other.energy - one.energy)
        for one, other in zip(reference, others, strict=True)
    ]
    offsets = fit_atomic_energies(differences, symbols)
    per_number = dict(zip(numbers.tolist(), (offsets[symbol] for symbol in symbols), strict=True))
    return np.array(
        [
            frame.energy - sum(count * per_number[number] for number, count in frame.composition)
            for frame in others
        ]
    )


def _agreement(
    reference: Sequence[Frame], others: Sequence[Frame], energies: FloatArray
) -> Agreement:
    forces = np.concatenate([frame.forces for frame in reference])
    other_forces = np.concatenate([frame.forces for frame in others])
    squared = float((forces**2).sum())
    at_rest = np.sqrt(squared / forces.size) < 1e-4  # eV/Å: numerical noise
    n_atoms = np.array([len(frame) for frame in reference])
    deviations = energies - [frame.energy for frame in reference]
    return Agreement(
        n_frames=len(reference),
        n_atoms=int(n_atoms.sum()),
        energy_mae=Errors.of(deviations / n_atoms).mae,
        reference_force_rms=float(np.sqrt(squared / forces.size)),
        force_rmse=Errors.of(other_forces - forces).rmse,
        force_slope=float("nan") if at_rest else float((forces * other_forces).sum()) / squared,
        stress_rmse=Errors.of(_stresses(others) - _stresses(reference)).rmse,
    )


def _stresses(frames: Sequence[Frame]) -> FloatArray:
    for frame in frames:
        if frame.stress is None:
            raise ValueError(f"{frame.structure_id}: {frame.engine} gave no stress")
    return np.array([frame.stress for frame in frames])
