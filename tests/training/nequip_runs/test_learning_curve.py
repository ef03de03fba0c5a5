import shutil

import numpy as np
import pytest
from lightning.pytorch.loggers import CSVLogger

from training.nequip_runs.learning_curve import MetricsTail, epochs_of_rows, read_learning_curve

VAL = "val0_epoch/"


class Run:
    """Writes epochs as NequIP's modules and our callbacks let Lightning write them."""

    def __init__(self, folder):
        self.logger = CSVLogger(folder.parent, name=folder.name)

    def validation(self, epoch, forces, energy=0.1):
        metrics = {
            "forces_mae": forces,
            "per_atom_energy_mae": energy,
            "total_energy_mae": 4 * energy,
            "weighted_sum": (forces + energy) / 2,
        }
        self._log({VAL + name: value for name, value in metrics.items()} | {"epoch": epoch})

    def energies(self, epoch, energy):
        metrics = {"per_atom_energy_mae": energy, "weighted_sum": energy}
        self._log({VAL + name: value for name, value in metrics.items()} | {"epoch": epoch})
        self.training(epoch, loss=1.0, seconds=0.0)

    def training(self, epoch, loss, seconds):
        self._log(
            {
                "epoch": epoch,
                "train_loss_epoch/weighted_sum": loss,
                "seconds": seconds,
                "learning_rate": 0.01 / (epoch + 1),
            }
        )

    def epoch(self, epoch, forces, loss=1.0, seconds=0.0):
        self.validation(epoch, forces)
        self.training(epoch, loss, seconds)

    def _log(self, metrics):
        self.logger.log_metrics(metrics, step=metrics["epoch"])
        self.logger.save()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "metrics"


def test_one_entry_per_epoch(folder):
    run = Run(folder)
    run.epoch(0, forces=0.3, loss=2.0, seconds=1.5)
    run.epoch(1, forces=0.1, loss=1.0, seconds=3.0)
    run.epoch(2, forces=0.2, loss=0.5, seconds=4.5)
    curve = read_learning_curve(folder)
    assert curve.epoch.tolist() == [0, 1, 2]
    assert curve.train_loss.tolist() == [2.0, 1.0, 0.5]
    assert curve.val_forces_mae.tolist() == [0.3, 0.1, 0.2]
    assert curve.val_per_atom_energy_mae.tolist() == [0.1, 0.1, 0.1]
    assert curve.val_total_energy_mae.tolist() == [0.4, 0.4, 0.4]
    assert curve.seconds.tolist() == [1.5, 3.0, 4.5]
    assert curve.learning_rate.tolist() == [0.01, 0.005, 0.01 / 3]
    assert curve.best_epoch == 1


def test_energies_alone_leave_a_gap_where_forces_would_be(folder):
    run = Run(folder)
    run.energies(0, energy=0.3)
    run.energies(1, energy=0.2)
    curve = read_learning_curve(folder)
    assert np.isnan(curve.val_forces_mae).all()
    assert curve.val_per_atom_energy_mae.tolist() == [0.3, 0.2]
    assert curve.best_epoch == 1


def test_the_first_of_equal_epochs_is_best(folder):
    run = Run(folder)
    for epoch, forces in enumerate((0.3, 0.2, 0.2)):
        run.epoch(epoch, forces)
    assert read_learning_curve(folder).best_epoch == 1


def test_nothing_logged_yet(folder):
    curve = read_learning_curve(folder)
    assert curve.epoch.shape == curve.val_loss.shape == (0,)
    with pytest.raises(ValueError, match="no epoch"):
        _ = curve.best_epoch


def test_a_resumed_run_replaces_the_epochs_it_repeats(folder):
    first = Run(folder)
    for epoch in range(4):
        first.epoch(epoch, forces=0.5, loss=5.0)
    second = Run(folder)
    for epoch in (2, 3, 4):
        second.epoch(epoch, forces=0.4, loss=4.0)
    third = Run(folder)
    third.epoch(3, forces=0.3, loss=3.0)
    curve = read_learning_curve(folder)
    assert curve.epoch.tolist() == [0, 1, 2, 3]
    assert curve.train_loss.tolist() == [5.0, 5.0, 4.0, 3.0]
    assert curve.val_forces_mae.tolist() == [0.5, 0.5, 0.4, 0.3]


def test_versions_are_ordered_as_numbers(folder):
    Run(folder).epoch(0, forces=0.9)
    shutil.copytree(folder / "version_0", folder / "version_2")
    later = Run(folder)
    later.epoch(0, forces=0.1)
    (folder / "version_3").rename(folder / "version_10")
    assert read_learning_curve(folder).val_forces_mae.tolist() == [0.1]


def test_an_epoch_killed_between_its_two_rows_has_a_gap(folder):
    run = Run(folder)
    run.epoch(0, forces=0.3)
    run.validation(1, forces=0.2)
    curve = read_learning_curve(folder)
    assert curve.val_forces_mae.tolist() == [0.3, 0.2]
    assert np.isnan(curve.train_loss).tolist() == [False, True]


def test_the_tail_gives_each_row_once_when_columns_are_known(folder):
    run = Run(folder)
    tail = MetricsTail(folder / "version_0" / "metrics.csv")
    assert tail.rows() == []
    run.epoch(0, forces=0.3)
    assert epochs_of_rows(tail.rows())[0]["val_forces_mae"] == 0.3
    for epoch in range(1, 5):
        run.epoch(epoch, forces=0.3 / epoch)
        rows = tail.rows()
        assert [int(row["epoch"]) for row in rows] == [epoch, epoch]
        assert epochs_of_rows(rows)[epoch]["val_forces_mae"] == 0.3 / epoch
    assert tail.rows() == []


def test_the_tail_waits_for_the_end_of_a_line(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,seconds\n0,1.5\n1,2.")
    tail = MetricsTail(path)
    assert [row["seconds"] for row in tail.rows()] == ["1.5"]
    with path.open("a") as stream:
        stream.write("75\n")
    assert [row["seconds"] for row in tail.rows()] == ["2.75"]


def test_new_columns_bring_all_rows_again(folder):
    run = Run(folder)
    run.validation(0, forces=0.3)
    tail = MetricsTail(folder / "version_0" / "metrics.csv")
    assert "train_loss" not in epochs_of_rows(tail.rows())[0]
    run.training(0, loss=2.0, seconds=1.0)
    assert epochs_of_rows(tail.rows())[0] == {
        "train_loss": 2.0,
        "val_loss": 0.2,
        "val_forces_mae": 0.3,
        "val_per_atom_energy_mae": 0.1,
        "val_total_energy_mae": 0.4,
        "learning_rate": 0.01,
        "seconds": 1.0,
    }
