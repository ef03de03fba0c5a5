"""The structure that models are measured on."""

import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from pydantic import ConfigDict, TypeAdapter

from training.sources.dataset import DatasetSource
from training.tuning.example_structure import ExampleStructure, example_structure, repeated


def neighbours_per_atom(atoms):
    """Mean number of neighbours within 4.5 Å, by brute force over images."""
    shifts = np.array(list(itertools.product(range(-4, 5), repeat=3))) @ atoms.cell.array
    vectors = atoms.positions[:, None, None] - atoms.positions[None, :, None] - shifts
    distances = np.linalg.norm(vectors, axis=-1)
    return ((distances < 4.5) & (distances > 1e-6)).sum() / len(atoms)


def test_a_frame_of_median_size_is_chosen(emt_dataset):
    source = DatasetSource(emt_dataset)
    sizes = sorted(len(frame) for frame in source.frames("val"))
    assert len(example_structure(source)) == sizes[len(sizes) // 2]
    assert example_structure(source) == example_structure(source)


def test_periodic_frames_are_repeated_up_to_the_size_asked_for(emt_dataset):
    source = DatasetSource(emt_dataset)
    small, large = example_structure(source), example_structure(source, n_atoms=50)
    assert 50 <= len(large) <= 100
    assert neighbours_per_atom(large) == neighbours_per_atom(small)


def test_repetition_keeps_cells_compact():
    flat = bulk("Cu", cubic=True).repeat((3, 1, 1))
    assert repeated(flat, 100).cell.lengths() == pytest.approx([3 * 3.61] * 3)


def test_only_periodic_directions_are_repeated():
    slab = Atoms("Cu", cell=[2.5, 2.5, 4.0], pbc=(True, True, False))
    assert repeated(slab, 16).cell.lengths() == pytest.approx([10.0, 10.0, 4.0])
    molecule = Atoms("H2", [[0, 0, 0], [0, 0, 0.74]])
    assert len(repeated(molecule, 100)) == 2


def test_structures_survive_json():
    atoms = bulk("Cu", cubic=True)
    atoms.positions += 0.1
    json = TypeAdapter(ExampleStructure, config=ConfigDict(arbitrary_types_allowed=True))
    again = json.validate_json(json.dump_json(atoms))
    assert (again.positions == atoms.positions).all()
    assert (again.cell.array == atoms.cell.array).all()
    assert (again.numbers == atoms.numbers).all()
    assert again.pbc.all()
