import os
import pickle
import random
import zipfile
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from frame_samples import emt_frame, random_frame
from scipy.spatial.transform import Rotation

from training.dataset.extxyz import iter_frames, read_frames, write_frames
from training.errors import TrainingError
from training.predict import load_calculator, predict, predict_frames
from training.predictions import Predictions, read_predictions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkpoint(trained):
    folder, result, _ = trained
    return folder / result.checkpoint


@pytest.fixture(scope="module")
def calculator(checkpoint):
    return load_calculator(checkpoint, "cpu")


def rattled_alloy(seed=0):
    """A triclinic, rattled cell of both species."""
    rng = np.random.default_rng(seed)
    atoms = bulk("Cu", "fcc", 3.8, cubic=True).repeat((2, 1, 1))
    atoms.symbols[[0, 3, 5]] = "Al"
    atoms.set_cell(atoms.cell.array + rng.normal(size=(3, 3)) * 0.15, scale_atoms=True)
    atoms.positions += rng.normal(size=(len(atoms), 3)) * 0.1
    return atoms


def labelled(calculator, atoms):
    atoms = atoms.copy()
    atoms.calc = calculator
    return atoms.get_potential_energy(), atoms.get_forces()


@pytest.mark.parametrize("seed", range(3))
def test_a_rotated_structure_has_the_same_energy_and_rotated_forces(calculator, seed):
    atoms = rattled_alloy(seed)
    energy, forces = labelled(calculator, atoms)
    rotation = Rotation.random(rng=seed).as_matrix()
    rotated = atoms.copy()
    rotated.set_cell(atoms.cell.array @ rotation.T, scale_atoms=False)
    rotated.positions = atoms.positions @ rotation.T
    energy_rotated, forces_rotated = labelled(calculator, rotated)
    assert abs(forces).max() > 0.1
    assert energy_rotated == pytest.approx(energy, abs=1e-4)
    np.testing.assert_allclose(forces_rotated, forces @ rotation.T, atol=1e-4)


def test_a_permuted_translated_structure_has_the_same_energy_and_forces(calculator):
    atoms = rattled_alloy()
    energy, forces = labelled(calculator, atoms)
    order = np.random.default_rng(1).permutation(len(atoms))
    moved = atoms[order]
    moved.positions += [0.7, -1.1, 2.3]
    moved.wrap()
    energy_moved, forces_moved = labelled(calculator, moved)
    assert energy_moved == pytest.approx(energy, abs=1e-4)
    np.testing.assert_allclose(forces_moved, forces[order], atol=1e-4)


def test_forces_are_minus_the_slope_of_the_energy(calculator):
    atoms = rattled_alloy()
    _, forces = labelled(calculator, atoms)
    h = 5e-3
    for atom, axis in [(0, 0), (2, 1), (5, 2)]:
        energies = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[atom, axis] += sign * h
            energies.append(labelled(calculator, moved)[0])
        slope = (energies[0] - energies[1]) / (2 * h)
        assert -slope == pytest.approx(forces[atom, axis], abs=2e-3)
    np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-4)


def test_stress_is_the_slope_under_strain(calculator):
    atoms = rattled_alloy()
    atoms.calc = calculator
    stress = atoms.get_stress(voigt=False)
    h = 2e-3
    energies = []
    for sign in (1, -1):
        strained = atoms.copy()
        strain = np.eye(3)
        strain[0, 0] += sign * h
        strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        energies.append(labelled(calculator, strained)[0])
    slope = (energies[0] - energies[1]) / (2 * h) / atoms.get_volume()
    assert slope == pytest.approx(stress[0, 0], rel=0.01, abs=1e-4)


def test_predictions_beat_the_baselines_on_unseen_crystals(checkpoint, emt_dataset, tmp_path):
    predictions = predict(
        checkpoint, iter_frames(emt_dataset / "test.extxyz"), tmp_path / "predictions" / "test.npz"
    )
    reference = predictions.forces_reference
    error = np.abs(predictions.forces_predicted - reference).mean()
    assert error < 0.35 * np.abs(reference).mean()
    assert error < 0.35 * np.abs(reference - reference.mean(axis=0)).mean()
    assert predictions.forces_predicted.dtype == np.float64


def test_batches_predict_what_the_calculator_says(
    checkpoint, calculator, emt_dataset, tmp_path, monkeypatch
):
    monkeypatch.setattr("training.predict._ATOMS_PER_BATCH", 10)
    path = emt_dataset / "test.extxyz"
    frames = read_frames(path)
    predictions = predict(checkpoint, frames, tmp_path / "predictions" / "test.npz")
    assert len(predictions) == len(frames) > 3
    starts = np.concatenate([[0], np.cumsum(predictions.n_atoms)])
    for i, frame in enumerate(frames):
        mine = slice(starts[i], starts[i + 1])
        energy, forces = labelled(calculator, frame.to_atoms())
        assert predictions.energy_predicted[i] == pytest.approx(energy, abs=1e-5)
        np.testing.assert_allclose(predictions.forces_predicted[mine], forces, atol=1e-5)
        assert predictions.energy_reference[i] == frame.energy
        np.testing.assert_array_equal(predictions.forces_reference[mine], frame.forces)
        np.testing.assert_array_equal(predictions.numbers[mine], frame.numbers)
        assert predictions.structure_id[i] == frame.structure_id
        assert frame.stress is not None
        np.testing.assert_array_equal(predictions.stress_reference[i], frame.stress)
        atoms = frame.to_atoms()
        atoms.calc = calculator
        stress = atoms.get_stress(voigt=False)
        np.testing.assert_allclose(predictions.stress_predicted[i], stress, atol=1e-6)


def test_frames_without_a_stress_have_none_predicted(checkpoint):
    crystal = emt_frame(bulk("Cu", "fcc", 3.7, cubic=True))
    frames = [replace(crystal, stress=None), crystal]
    predictions = predict_frames(checkpoint, frames)
    assert np.isnan(predictions.stress_reference[0]).all()
    assert np.isnan(predictions.stress_predicted[0]).all()
    assert np.isfinite(predictions.stress_predicted[1]).all()


def test_predictions_come_back_from_disk_without_pickle(checkpoint, tmp_path):
    mask = np.array([True, False, True, True])
    frames = [
        emt_frame(bulk("Cu", "fcc", 3.7, cubic=True), free_mask=mask, family="slab"),
        emt_frame(bulk("Al", "fcc", 4.0), structure_id="a-much-longer-name", family="vacancy_2x2"),
        emt_frame(Atoms("Cu", cell=[14, 14, 14], pbc=True)),
    ]
    written = predict(checkpoint, frames, tmp_path / "predictions" / "test.npz")
    read = read_predictions(tmp_path / "predictions" / "test.npz")
    for field in fields(Predictions):
        left, right = getattr(written, field.name), getattr(read, field.name)
        assert left.dtype == right.dtype
        assert left.dtype.kind in "Ubfi"
        np.testing.assert_array_equal(left, right)
    assert read.family.tolist() == ["slab", "vacancy_2x2", "bulk"]
    assert read.free_mask.tolist() == [*mask.tolist(), True, True]
    assert np.isfinite(read.energy_predicted).all()


def test_other_libraries_keep_their_dtype_and_random_numbers(checkpoint):
    torch.set_default_dtype(torch.float32)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    expected = random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    calculator = load_calculator(checkpoint, "cpu")
    _, forces = labelled(calculator, rattled_alloy())
    assert torch.get_default_dtype() == torch.float32
    assert (random.random(), np.random.random(), torch.rand(1).item()) == expected  # noqa: NPY002
    with_double = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        np.testing.assert_array_equal(labelled(calculator, rattled_alloy())[1], forces)
    finally:
        torch.set_default_dtype(with_double)


def test_unknown_species_are_named(checkpoint, tmp_path):
    path = tmp_path / "frames.extxyz"
    write_frames(path, [random_frame(np.random.default_rng(0), structure_id="bulk-li", step=4)])
    with pytest.raises(TrainingError, match="bulk-li, step 4: the model knows Al, Cu but not Li"):
        predict(checkpoint, iter_frames(path), tmp_path / "out.npz")
    assert not (tmp_path / "out.npz").exists()
    path.write_text("")
    with pytest.raises(TrainingError, match="no frames"):
        predict(checkpoint, iter_frames(path), tmp_path / "out.npz")


def test_what_has_no_energy_is_refused_in_one_line(calculator, checkpoint):
    """Neighbour lists of NaN are empty: the energy would be that of isolated atoms."""
    for value in (np.nan, np.inf):
        broken = rattled_alloy()
        broken.positions[3, 1] = value
        flat = rattled_alloy()
        flat.cell[0, 0] = value
        for atoms, message in ((broken, "position of atom 3 is .*not finite"), (flat, "the cell")):
            with pytest.raises(TrainingError, match=message):
                labelled(calculator, atoms)
            frame = replace(emt_frame(rattled_alloy()), positions=atoms.positions, cell=atoms.cell)
            with pytest.raises(TrainingError, match=message):
                predict_frames(checkpoint, [frame])
    foreign = rattled_alloy()
    foreign.symbols[[0, 2]] = ["O", "Ag"]
    with pytest.raises(TrainingError, match="the model knows Al, Cu but not Ag, O"):
        labelled(calculator, foreign)
    with pytest.raises(TrainingError, match="no atoms"):
        labelled(calculator, Atoms(cell=[3, 3, 3], pbc=True))


def test_a_device_that_is_not_there(checkpoint):
    with pytest.raises(TrainingError, match=r"this machine has no device 'cuda:99'; it has cpu"):
        load_calculator(checkpoint, "cuda:99")


class RunsCode:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_that_would_run_code_is_refused(checkpoint, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    trap = tmp_path / "trap"
    torch.save(content | {"note": RunsCode(trap)}, tmp_path / "pickled.ckpt")
    with pytest.raises(TrainingError, match="not a checkpoint"):
        load_calculator(tmp_path / "pickled.ckpt")
    content["hyper_parameters"]["val_metrics"] = {"_target_": "os.mkdir", "path": str(trap)}
    torch.save(content, tmp_path / "configured.ckpt")
    with pytest.raises(TrainingError, match=r"would run os\.mkdir"):
        load_calculator(tmp_path / "configured.ckpt")
    assert not trap.exists()


def test_files_that_are_no_checkpoint(tmp_path):
    with pytest.raises(TrainingError, match="does not exist"):
        load_calculator(tmp_path / "best.ckpt")
    with pytest.raises(TrainingError, match=r"is a folder, not a checkpoint.*best\.ckpt"):
        load_calculator(tmp_path)
    (tmp_path / "best.ckpt").write_bytes(pickle.dumps({"state_dict": {}}))
    with pytest.raises(TrainingError, match="not a checkpoint"):
        load_calculator(tmp_path / "best.ckpt")


def test_files_that_hold_no_predictions(tmp_path):
    path = tmp_path / "test.npz"
    path.write_text("nothing of the kind")
    with pytest.raises(ValueError, match="predict again"):
        read_predictions(path)
    with zipfile.ZipFile(path, "w"):
        pass
    with pytest.raises(ValueError, match="predict again"):
        read_predictions(path)
    np.savez(path, n_atoms=np.array([1]))
    with pytest.raises(ValueError, match="predict again"):
        read_predictions(path)
