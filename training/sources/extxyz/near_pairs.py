"""Work between near frames: what energies, forces and stresses must agree on.

Between two configurations 1 and 2 of the same atoms, the energy changes by

    ΔE = -½ (F₁ + F₂) · Δr + ½ (V₁ σ₁ + V₂ σ₂) : ε,

where ε is the strain of the cell and Δr the displacements beyond it. This is exact where energies
are quadratic between the two, whatever their distance.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import units
from ase.geometry import complete_cell
from scipy.spatial.transform import Rotation

from cuprolith.arrays import FloatArray
from training.dataset.frames import Frame

_LOOKED_AHEAD = 10
_MOST_PAIRS = 500
# Root mean square, Å. In liquid silicon at 3000 K the work is 1.05 times the change of the energy
# at 0.15 Å, 1.4 times at 0.28 Å, and 2.3 times at 0.45 Å; in crystals it is right as far as that.
NEAR, FAR = 0.25, 0.5
# Of the largest component; a smaller strain changes energies by less than their digits.
_LEAST_STRAIN, _LARGEST_STRAIN = 1e-4, 0.1


@dataclass(frozen=True)
class Works:
    """Pairs of near frames, shape (pairs,) each.

    Attributes
    ----------
    energy
        E₂ - E₁, eV.
    by_forces
        -½ (F₁ + F₂) · Δr, eV.
    by_stress
        ½ (V₁ σ₁ + V₂ σ₂) : ε, eV; 0 where the cells are the same.
    volume
        Mean of both, Å³.
    n_atoms
        Number of atoms of each pair.
    temperature
        Configurational temperature, K: the mean square of the force over the curvature of the
        energy along the step (Rugh 1997; Butler et al. 1998).
    """

    energy: FloatArray
    by_forces: FloatArray
    by_stress: FloatArray
    volume: FloatArray
    n_atoms: FloatArray
    temperature: FloatArray

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.energy)


def works_of_forces(frames: Sequence[Frame], reach: float = FAR) -> Works:
    """Compare pairs of frames in the same cell.

    Each of at most 500 frames is compared with the nearest of the ten that follow it with the same
    atoms in the same order.

    Parameters
    ----------
    reach
        Farthest root mean square distance of their atoms, Å.
    """
    return _works(frames, reach, strained=False)


def works_of_stress(frames: Sequence[Frame]) -> Works:
    """Compare pairs of periodic frames with stresses whose cells are strained by up to 10 %.

    They are chosen as those of `works_of_forces`.
    """
    periodic = [frame for frame in frames if frame.stress is not None and all(frame.pbc)]
    return _works(periodic, FAR, strained=True)


def _works(frames: Sequence[Frame], reach: float, *, strained: bool) -> Works:
    alike: dict[object, list[Frame]] = defaultdict(list)
    for frame in frames:
        alike[frame.numbers.tobytes(), frame.pbc].append(frame)
    starts = [(members, i) for members in alike.values() for i in range(len(members) - 1)]
    chosen = starts[:: max(1, -(-len(starts) // _MOST_PAIRS))]
    rows = [
        min(pairs, key=lambda pair: pair[0])[1:]
        for members, i in chosen
        if (
            pairs := [
                pair
                for other in members[i + 1 : i + 1 + _LOOKED_AHEAD]
                if (pair := _pair(members[i], other, reach, strained=strained)) is not None
            ]
        )
    ]
    return Works(*np.array(rows, dtype=np.float64).reshape(-1, 6).T)


def _pair(
    first: Frame, second: Frame, reach: float, *, strained: bool
) -> tuple[float, float, float, float, float, float, float] | None:
    """Return the distance, Å, and the fields of `Works`; None if the cells do not allow it."""
    periodic = np.asarray(first.pbc)
    if not periodic.any():
        second = _superposed(first, second)
    cells = [complete_cell(frame.cell) for frame in (first, second)]
    if not all(abs(np.linalg.det(cell)) > 0 for cell in cells):
        return None
    if not periodic.any():
        cells = [np.eye(3), np.eye(3)]
    gradient = np.linalg.solve(cells[0], cells[1])  # of the deformation: r₂ = r₁ @ gradient
    strain = (gradient + gradient.T) / 2 - np.eye(3)
    size = float(np.abs(strain).max())
    if (_LEAST_STRAIN < size < _LARGEST_STRAIN) != strained or (not strained and size > 1e-6):
        return None
    start, end = (
        np.linalg.solve(cell.T, frame.positions.T).T
        for cell, frame in zip(cells, (first, second), strict=True)
    )
    moved = end - start
    moved[:, periodic] -= np.round(moved[:, periodic])
    # In the cell halfway, so that both ends count alike.
    displacement = moved @ (cells[0] + cells[1]) / 2
    distance = float(np.sqrt((displacement**2).sum(axis=1).mean()))
    if distance > reach:
        return None
    by_forces = -float(((first.forces + second.forces) / 2 * displacement).sum())
    volumes = [abs(float(np.linalg.det(cell))) for cell in cells]
    by_stress = 0.0
    if strained and first.stress is not None and second.stress is not None:
        # Strain as the same from both ends.
        halfway = np.linalg.solve(cells[0] + cells[1], 2 * (cells[1] - cells[0]))
        mean = (first.stress * volumes[0] + second.stress * volumes[1]) / 2
        by_stress = float((mean * (halfway + halfway.T) / 2).sum())
    return (
        size + distance,
        second.energy - first.energy,
        by_forces,
        by_stress,
        sum(volumes) / 2,
        float(len(first)),
        _temperature(first.forces, second.forces, displacement),
    )


def _superposed(first: Frame, second: Frame) -> Frame:
    """Shift and turn a molecule onto another, forces as well (Kabsch 1976)."""
    origin, centre = first.positions.mean(axis=0), second.positions.mean(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of atoms on one line, any turn about it will do
        rotation, _ = Rotation.align_vectors(first.positions - origin, second.positions - centre)
    return replace(
        second,
        positions=rotation.apply(second.positions - centre) + origin,
        forces=rotation.apply(second.forces),
    )


def _temperature(first: FloatArray, second: FloatArray, displacement: FloatArray) -> float:
    """Return kT / k_B of two frames; infinite where the energy curves downwards between them."""
    stiffness = float(((first - second) * displacement).sum())
    square = float((displacement**2).sum())
    if stiffness <= 0 or square == 0:
        return np.inf
    mean_square = float((first**2 + second**2).mean()) / 2
    return mean_square / (stiffness / square) / units.kB
