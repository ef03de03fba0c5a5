"""Errors on held-out frames of sources without forces."""

import numpy as np
import pytest
from paper_samples import store_run

from analysis.reproduction import held_out
from training.frame_sources.arrays import MoleculeArrays
from training.nequip_runs.training_run import load_result
from training.sources.qm9 import QM9Source


@pytest.fixture
def qm9(tmp_path, monkeypatch):
    """Ten hydrogen molecules in the place of QM9's, two of them held out."""
    molecules = MoleculeArrays(
        index=np.arange(1, 11),
        n_atoms=np.full(10, 2),
        numbers=np.ones(20, dtype=np.int64),
        positions=np.zeros((20, 3)),
        energies=np.arange(10) - 30.0,
        forces=None,
    )
    monkeypatch.setattr("training.sources.qm9.read_qm9", lambda directory: molecules)
    return QM9Source(tmp_path, n_train=6, n_val=2)


def test_molecules_without_forces_are_judged_by_their_energies(qm9, tmp_path, monkeypatch):
    offsets = np.array([0.25, -0.75])
    monkeypatch.setattr(
        held_out, "predict_energies", lambda checkpoint, molecules: molecules.energies + offsets
    )
    store_run(tmp_path, [0.1])
    result = load_result(tmp_path)
    held_out.evaluate_held_out(tmp_path, result, qm9)
    errors = held_out.read_held_out(tmp_path, result.input_hash)
    assert errors.n_frames == 2
    assert errors.forces_mae is None
    assert errors.energy_mae == pytest.approx(0.5)
