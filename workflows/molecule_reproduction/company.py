"""Symmetric polynomials beside the trained models."""

from __future__ import annotations

import time
from collections.abc import Sequence

import networkx
import numpy as np
from ase.neighborlist import natural_cutoffs, neighbor_list
from networkx.algorithms.isomorphism import GraphMatcher, categorical_node_match

from analysis.reproduction.molecules.page import LEAST_SQUARES
from analysis.reproduction.molecules.results import Row, SeedScore, row_of
from analysis.reproduction.molecules.symmetric_polynomial import fit_polynomial
from training.dataset.frames import Frame
from workflows.molecule_reproduction.data import MoleculeData
from workflows.molecule_reproduction.settings import PolynomialRow


def polynomial_row(row: PolynomialRow, data: MoleculeData) -> Row:
    """Fit a polynomial to train and val, which it has no use for, and judge it on test."""
    known = [*data.splits["train"], *data.splits["val"]]
    positions, energies, forces = _arrays(known)
    started = time.perf_counter()
    fitted = fit_polynomial(
        positions,
        energies,
        permutations_of(known),
        row.degree,
        forces=forces if row.labels == "E+F" else None,
    )
    seconds = time.perf_counter() - started
    errors = {}
    for name, frames in (("train", known), ("test", data.splits["test"])):
        positions, energies, forces = _arrays(frames)
        found = fitted.predict(positions)
        errors[f"mse_energy_{name}"] = float(((found[0] - energies) ** 2).mean())
        errors[f"mse_forces_{name}"] = float(((found[1] - forces) ** 2).mean())
    return row_of(
        [SeedScore(seed=0, seconds=seconds, **errors)],
        system=row.system,
        model=f"symmetric polynomial of degree {row.degree}",
        optimizer=LEAST_SQUARES,
        labels=row.labels,
        noise=0.0,
        n_parameters=fitted.n_terms,
    )


def permutations_of(frames: Sequence[Frame]) -> list[list[int]]:
    """Return the permutations of like atoms that leave the bonds of the lowest frame in place."""
    atoms = min(frames, key=lambda frame: frame.energy).to_atoms()
    graph = networkx.Graph()
    graph.add_nodes_from((i, {"number": int(n)}) for i, n in enumerate(atoms.numbers))
    graph.add_edges_from(zip(*neighbor_list("ij", atoms, natural_cutoffs(atoms)), strict=True))
    matches = GraphMatcher(graph, graph, node_match=categorical_node_match("number", 0))
    return [[match[i] for i in range(len(atoms))] for match in matches.isomorphisms_iter()]


def _arrays(frames: Sequence[Frame]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.array([frame.positions for frame in frames]),
        np.array([frame.energy for frame in frames]),
        np.array([frame.forces for frame in frames]),
    )
