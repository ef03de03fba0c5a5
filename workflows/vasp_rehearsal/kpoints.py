"""k-points of a run: the mesh of KPOINTS or KSPACING, reduced by time reversal only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pymatgen.io.vasp.inputs import Kpoints

from cuprolith.errors import CuprolithError


@dataclass(frozen=True)
class KpointSet:
    """k-points in reciprocal coordinates, shape (k, 3), with weights (k,) that sum to one."""

    style: str
    divisions: tuple[int, int, int]
    points: np.ndarray
    weights: np.ndarray


def kpoint_set(kpoints: Kpoints | None, cell: np.ndarray, spacing: float) -> KpointSet:
    """Return the k-points of a run.

    Parameters
    ----------
    kpoints
        What KPOINTS says; None where there is no such file.
    cell
        Lattice vectors in rows, Å.
    spacing
        KSPACING in 1/Å (with 2π), used without KPOINTS.

    Raises
    ------
    CuprolithError
        If KPOINTS is neither a mesh nor an explicit list.
    """
    if kpoints is None:
        lengths = 2 * np.pi * np.linalg.norm(np.linalg.inv(cell), axis=0)
        return _mesh(tuple(max(1, int(np.ceil(b / spacing - 1e-9))) for b in lengths), gamma=True)
    style = kpoints.style.name
    if style in {"Gamma", "Monkhorst"}:
        return _mesh(tuple(int(n) for n in kpoints.kpts[0]), gamma=style == "Gamma")
    if style == "Reciprocal" and kpoints.kpts_weights:
        weights = np.asarray(kpoints.kpts_weights, dtype=float)
        points = np.asarray(kpoints.kpts, dtype=float).reshape(-1, 3)
        return KpointSet("Reciprocal", (1, 1, 1), points, weights / weights.sum())
    raise CuprolithError(
        f"the rehearsal does not know k-points of the style {style}",
        where="KPOINTS",
        remedy="use a Gamma or Monkhorst-Pack mesh, or an explicit list with weights",
    )


def _mesh(divisions: tuple[int, ...], *, gamma: bool) -> KpointSet:
    """Return a regular mesh in which k and −k count as one point."""
    counts = np.asarray(divisions)
    grid = np.indices(divisions).reshape(3, -1).T
    shift = np.zeros(3) if gamma else np.where(counts % 2 == 0, 0.5, 0.0)
    doubled = np.round(2 * (grid + shift)).astype(int)
    keys = np.stack([doubled % (2 * counts), -doubled % (2 * counts)])
    order = np.array([4 * counts[1] * counts[2], 2 * counts[2], 1])
    representative = np.minimum(*(keys @ order))
    _, index, multiplicity = np.unique(representative, return_index=True, return_counts=True)
    points = (grid[index] + shift) / counts
    points -= np.floor(points + 0.5 - 1e-9)
    return KpointSet(
        "Gamma" if gamma else "Monkhorst-Pack",
        (int(counts[0]), int(counts[1]), int(counts[2])),
        points,
        multiplicity / len(grid),
    )
