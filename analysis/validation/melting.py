"""What a melt-quench shows: structure, motion and mixing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from matscipy.neighbours import neighbour_list

from analysis.validation.energies import numbered
from analysis.validation.interfaces import interface_name
from analysis.validation.material import JudgedStructure, Material
from analysis.validation.property import Case, Curve, Measurement
from analysis.validation.source import Source
from analysis.validation.trajectory import Trajectory
from cuprolith.arrays import FloatArray, IntArray
from generators.family import kind_of

R_LARGEST = 6.0
"""Distance up to which g(r) is counted, Å."""

_BIN = 0.1  # Å
_FRAMES = 60  # of a trajectory, evenly spaced: neighbours of more frames are hardly others
_LAST = 10  # of these frames: the quenched state
_TOUCHING = 1.3  # sums of covalent radii
_STEPS = 600.0  # a guess, for the forecast


def melt_cases(material: Material, measure: Callable[[Trajectory], Measurement]) -> Iterator[Case]:
    """Yield a case for each structure that the campaign melts.

    Parameters
    ----------
    measure
        Makes the measurement of a finished trajectory.
    """
    melting = (
        (interface_name(structure), structure)
        for structure in material.structures
        if material.melts and kind_of(structure.family).melts and not structure.is_rattled
    )
    for name, structure in numbered(melting):

        def measured(source: Source, structure: JudgedStructure = structure) -> Measurement:
            trajectory = source.melt_quench(structure)
            if trajectory.stopped_because:
                raise ArithmeticError(
                    f"the run stopped after {len(trajectory.energies)} steps: "
                    f"{trajectory.stopped_because}"
                )
            return measure(trajectory)

        yield Case(name, measured, atom_steps=_STEPS * len(structure.atoms) / N_MELT_PROPERTIES)


N_MELT_PROPERTIES = 5
"""Properties that share one run, for the forecast."""


def radial_distributions(trajectory: Trajectory) -> dict[str, Curve]:
    """Return g(r) of every pair of elements, by names such as ``Cu-Li``; r in Å up to 6.

    Mean over frames of the whole run, normalised by the mean density of the cell.
    """
    numbers = trajectory.numbers
    elements = sorted({chemical_symbols[number] for number in numbers})
    edges = np.arange(0, R_LARGEST + _BIN / 2, _BIN)
    counts = {pair: np.zeros(len(edges) - 1) for pair in combinations_with_replacement(elements, 2)}
    frames = _chosen(trajectory)
    symbols = np.array([chemical_symbols[number] for number in numbers])
    for frame in frames:
        first, second, distances = _neighbours(trajectory, frame, R_LARGEST)
        for one, other in counts:
            chosen = (symbols[first] == one) & (symbols[second] == other)
            counts[one, other] += np.histogram(distances[chosen], edges)[0]
    volume = abs(np.linalg.det(trajectory.cell))
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    found = {}
    for (one, other), count in counts.items():
        n_pairs = (symbols == one).sum() * (symbols == other).sum()
        ideal = len(frames) * n_pairs / volume * shells
        found[f"{one}-{other}"] = Curve.of((edges[1:] + edges[:-1]) / 2, count / ideal)
    return found


def mean_square_displacements(trajectory: Trajectory) -> dict[str, float]:
    """Return the mean square displacement from first to last frame by element, Å².

    The drift of the whole is taken off.
    """
    moved = trajectory.positions[-1] - trajectory.positions[0]
    masses = Atoms(numbers=trajectory.numbers).get_masses()
    moved = moved - masses @ moved / masses.sum()
    squares = (moved**2).sum(axis=1)
    return {
        chemical_symbols[number]: float(squares[trajectory.numbers == number].mean())
        for number in sorted(set(trajectory.numbers.tolist()))
    }


def unlike_neighbours(trajectory: Trajectory) -> float:
    """Return the share of touching pairs that are of different elements, in the quenched state.

    Atoms touch within 1.3 sums of covalent radii.
    """
    numbers = trajectory.numbers
    radii = _TOUCHING * covalent_radii[numbers]
    unlike = n_touching = 0
    for frame in _chosen(trajectory)[-_LAST:]:
        first, second, distances = _neighbours(trajectory, frame, 2 * radii.max())
        touching = distances < radii[first] + radii[second]
        n_touching += int(touching.sum())
        unlike += int((touching & (numbers[first] != numbers[second])).sum())
    return unlike / n_touching if n_touching else 0.0


def quenched_energy(trajectory: Trajectory) -> float:
    """Return the mean energy per atom over the last sixth of the run, eV."""
    last = trajectory.energies[-max(1, len(trajectory.energies) * _LAST // _FRAMES) :]
    return float(last.mean() / len(trajectory.numbers))


def _chosen(trajectory: Trajectory) -> list[int]:
    n_frames = len(trajectory.energies)
    indices = np.linspace(0, n_frames - 1, min(n_frames, _FRAMES))
    chosen: list[int] = indices.round().astype(int).tolist()
    return chosen


def _neighbours(
    trajectory: Trajectory, frame: int, cutoff: float
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return both atoms of each pair within a cutoff, twice, and their distance (Å)."""
    atoms = Atoms(
        numbers=trajectory.numbers,
        positions=trajectory.positions[frame],
        cell=trajectory.cell,
        pbc=True,
    )
    # ASE's own takes 45 times longer.
    first, second, distances = neighbour_list("ijd", atoms, float(cutoff))
    return first, second, distances
