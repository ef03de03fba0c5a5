"""Find reasons why a frame is unphysical or not to be trusted."""

from __future__ import annotations

import numpy as np
from ase.geometry import complete_cell
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from training.dataset.frames import Frame
from training.settings import QuarantineSettings

NOT_FINITE = "not finite"
NO_VOLUME = "no volume"
FORCE_TOO_LARGE = "force too large"
ATOMS_TOO_CLOSE = "atoms too close"
NOT_CONVERGED = "not converged"
FLAWED = "flawed label"


def quarantine_reasons(frame: Frame, settings: QuarantineSettings) -> list[str]:
    """Return why a frame must not be trained on; an empty list for a sound frame.

    Parameters
    ----------
    frame
        Frame to check.
    settings
        Largest force, eV/Å, and smallest interatomic distance, Å (through the periodic cell, an
        atom's distance to its own images included).

    Returns
    -------
    Reasons ``"<kind>: <numbers>"``; kinds are this module's constants.
    """
    reasons = []
    broken = _not_finite(frame)
    if broken:
        reasons.append(f"{NOT_FINITE}: {' and '.join(broken)}")
    if "forces" not in broken:
        norms = np.linalg.norm(frame.forces, axis=1)
        atom = int(norms.argmax())
        if norms[atom] > settings.max_force:
            reasons.append(
                f"{FORCE_TOO_LARGE}: {norms[atom]:.4g} eV/Angstrom on atom {atom} "
                f"(limit {settings.max_force:g})"
            )
    if "positions" not in broken and "cell" not in broken:
        reasons += _geometry_reasons(frame, settings.min_distance)
    if not frame.converged:
        reasons.append(f"{NOT_CONVERGED}: the label's own convergence flag is false")
    if frame.flaw:
        reasons.append(f"{FLAWED}: {frame.flaw}")
    return reasons


def reason_kind(reason: str) -> str:
    """Return the kind of a reason, for counting."""
    return reason.split(":", maxsplit=1)[0]


def _not_finite(frame: Frame) -> list[str]:
    quantities: dict[str, float | NDArray[np.float64] | None] = {
        "energy": frame.energy,
        "forces": frame.forces,
        "positions": frame.positions,
        "cell": frame.cell,
        "stress": frame.stress,
    }
    return [
        name
        for name, values in quantities.items()
        if values is not None and not np.isfinite(values).all()
    ]


def _geometry_reasons(frame: Frame, min_distance: float) -> list[str]:
    cell = complete_cell(frame.cell)
    volume = abs(np.linalg.det(cell))
    areas = np.linalg.norm(np.cross(cell[[1, 2, 0]], cell[[2, 0, 1]]), axis=1)
    heights = np.divide(volume, areas, out=np.zeros(3), where=areas > 0)
    periodic = np.asarray(frame.pbc)
    if not frame.cell[periodic].any(axis=1).all() or not (heights > min_distance / 100).all():
        return [f"{NO_VOLUME}: the cell is flat ({volume:.3g} cubic Angstrom)"]
    points, owners = _with_near_images(frame.positions, cell, periodic, min_distance / heights)
    tree = cKDTree(points)
    distances, neighbours = tree.query(points[: len(frame)], k=2)
    nearest = distances[:, 1]
    atom = int(nearest.argmin())
    if nearest[atom] >= min_distance:
        return []
    # Of two atoms on one spot either may be listed first; the other one is the neighbour.
    other = next(int(owners[index]) for index in neighbours[atom] if index != atom)
    first, second = sorted((atom, other))
    return [
        f"{ATOMS_TOO_CLOSE}: {nearest[atom]:.3f} Angstrom between atoms {first} and {second} "
        f"(limit {min_distance:g}; {int((nearest < min_distance).sum())} atoms so near)"
    ]


def _with_near_images(
    positions: NDArray[np.float64],
    cell: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    margins: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Wrap the atoms, and append their periodic images within `margins` of the cell.

    Returns Cartesian points, the atoms themselves first, and the atom that each belongs to.
    """
    scaled = np.linalg.solve(cell.T, positions.T).T
    scaled[:, periodic] %= 1.0
    owners = np.arange(len(positions))
    for axis in np.flatnonzero(periodic):
        reach = int(np.ceil(margins[axis]))
        shells, belongs = [scaled], [owners]
        for winding in (*range(-reach, 0), *range(1, reach + 1)):
            images = scaled.copy()
            images[:, axis] += winding
            near = np.abs(images[:, axis] - 0.5) <= 0.5 + margins[axis]
            shells.append(images[near])
            belongs.append(owners[near])
        scaled, owners = np.concatenate(shells), np.concatenate(belongs)
    return scaled @ cell, owners
