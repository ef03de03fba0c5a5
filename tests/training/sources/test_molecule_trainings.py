"""The public datasets through the real trainer, energies alone and with forces, killed and not."""

import numpy as np
import psutil
import pytest

from tests.training.sources.public_files import small_molecules, write_qm9, write_rmd17
from training.errors import TrainingError
from training.nequip_runs.learning_curve import read_learning_curve
from training.nequip_runs.trainer import train
from training.predict import predict, predict_energies
from training.sources.qm9 import QM9Source
from training.sources.rmd17 import RMD17Source
from training.variants.allegro import AllegroSettings, AllegroTraining
from training.variants.allegro_mlp import AllegroMLPTraining, FinalMLPSettings

pytestmark = pytest.mark.slow

SETTINGS = AllegroTraining(
    model=AllegroSettings(
        r_max=3.0, l_max=1, num_scalar_features=8, num_tensor_features=2, edge_mlp_width=8
    ),
    max_epochs=8,
    batch_size=4,
    learning_rate=0.02,
)


def kill_trainer(metrics):
    """Kill it, and no other child: a database of other tests may be one."""
    if metrics.epoch >= 3:
        for child in psutil.Process().children():
            if "training.nequip_runs.nequip_train" in " ".join(child.cmdline()):
                child.kill()


def test_qm9_is_trained_on_energies_and_goes_on_after_a_kill(tmp_path):
    """With a variant of Allegro, which itself goes on after a kill in test_trainer."""
    final_mlp = FinalMLPSettings(input_width=8, widths=(8, 4))
    common = dict(SETTINGS.model_copy(update={"variant": "allegro-mlp"}))
    settings = AllegroMLPTraining(**common, final_mlp=final_mlp)
    write_qm9(tmp_path / "qm9", small_molecules(8), failed=[3])
    source = QM9Source(tmp_path / "qm9", n_train=16, n_val=4)
    epochs = []
    result = train(settings, source, tmp_path / "undisturbed", 1, epochs.append)
    assert [metrics.val_forces_mae for metrics in epochs] == [None] * 8
    assert "meV/atom" in str(epochs[-1])
    assert result.best_val_forces_mae is None
    curve = read_learning_curve(tmp_path / "undisturbed" / "metrics")
    assert np.isnan(curve.val_forces_mae).all()
    assert curve.train_loss[-1] < curve.train_loss[0]
    assert curve.best_epoch == result.best_epoch
    assert curve.val_per_atom_energy_mae.min() == result.best_val_per_atom_energy_mae
    assert (curve.val_total_energy_mae > 2 * curve.val_per_atom_energy_mae).all()

    val = source.arrays("val")
    predicted = predict_energies(tmp_path / "undisturbed" / "best.ckpt", val)
    error = np.abs(predicted - val.energies)
    assert error.mean() == pytest.approx(curve.val_total_energy_mae[result.best_epoch], rel=1e-5)
    val.numbers[:] = 9
    with pytest.raises(TrainingError, match="knows C, H, N, O but not F"):
        predict_energies(tmp_path / "undisturbed" / "best.ckpt", val)

    with pytest.raises(TrainingError, match="SIGKILL"):
        train(settings, source, tmp_path / "killed", 1, kill_trainer)
    again = train(settings, source, tmp_path / "killed", 1)
    assert again.best_val_per_atom_energy_mae == pytest.approx(
        result.best_val_per_atom_energy_mae, rel=1e-6
    )
    killed = read_learning_curve(tmp_path / "killed" / "metrics")
    np.testing.assert_allclose(killed.train_loss, curve.train_loss, rtol=1e-5)
    np.testing.assert_allclose(
        killed.val_per_atom_energy_mae, curve.val_per_atom_energy_mae, rtol=1e-5
    )


def test_rmd17_is_trained_on_forces_and_judged_on_its_test_split(tmp_path):
    write_rmd17(tmp_path / "rmd17")
    source = RMD17Source(tmp_path / "rmd17", "benzene", n_train=15, n_val=5)
    settings = SETTINGS.model_copy(update={"max_epochs": 40})
    result = train(settings, source, tmp_path / "training", 1)
    predictions = predict(
        tmp_path / "training" / result.checkpoint, source.frames("test"), tmp_path / "test.npz"
    )
    assert len(predictions) == 20
    error = np.abs(predictions.forces_predicted - predictions.forces_reference).mean()
    assert error < 0.5 * np.abs(predictions.forces_reference).mean()
    assert result.best_val_forces_mae == pytest.approx(error, rel=1.0)
