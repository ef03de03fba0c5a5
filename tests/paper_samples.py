"""A small matrix of the paper: its files, its data, and trainings as they are left on disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from ase.build import molecule

VARIANTS = ("allegro", "allegro-mlp", "allegro-qdi")
COMMON = """\
training:
  max_epochs: 2
  batch_size: 4
  ema_decay: 0.9
  model: {r_max: 3.0, l_max: 1, num_scalar_features: 4, num_tensor_features: 2, num_bessels: 4}
data:
  source: rmd17
  directory: rmd17
  n_train: 12
  n_val: 4
"""
RESULTS = """\
source: A. Author 2026
reference: Allegro [13]
forces_mae:
  aspirin: {allegro: 10.2, reference: 9.8, allegro-mlp: 9.0, allegro-qdi: 9.9}
  benzene: {allegro: 0.43, reference: 0.37, allegro-mlp: 0.28, allegro-qdi: 0.30}
energy_mae:
  aspirin: {allegro: 3.6, reference: 2.3, allegro-mlp: 2.6, allegro-qdi: 3.2}
  benzene: {allegro: 0.21, reference: 0.20, allegro-mlp: 0.21, allegro-qdi: 0.19}
"""


def write_inputs(folder: Path) -> Path:
    """Write the files of two datasets in three variants; return their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "common.yaml").write_text(COMMON)
    (folder / "results.yaml").write_text(RESULTS)
    for dataset in ("aspirin", "benzene"):
        for variant in VARIANTS:
            (folder / f"{dataset}_{variant.replace('-', '_')}.yaml").write_text(
                f"extends: common.yaml\nname: {dataset}-{variant}\n"
                f"data: {{molecule: {dataset}}}\ntraining: {{variant: {variant}}}\n"
            )
    return folder


def write_rmd17(folder: Path, name: str, n_frames: int = 16) -> None:
    """Write rattled water with springs between its atoms as both files of one split."""
    folder.mkdir(parents=True, exist_ok=True)
    rest = molecule("H2O").positions
    lengths = np.linalg.norm(rest[:, None] - rest[None], axis=-1)
    for seed, part in enumerate(("train", "test")):
        rng = np.random.default_rng(seed)
        coords = rest + 0.05 * rng.normal(size=(n_frames, 3, 3))
        vectors = coords[:, :, None] - coords[:, None]
        distances = np.linalg.norm(vectors, axis=-1) + np.eye(3)
        stretch = distances - lengths - np.eye(3)
        np.savez(
            folder / f"rmd17_{name}_{part}_01.npz",
            nuclear_charges=np.array([8, 1, 1], dtype=np.uint8),
            coords=coords,
            energies=100 * (stretch**2).sum((1, 2)) / 2 - 47_900.0,
            forces=-200 * np.einsum("fij,fijk->fik", stretch / distances, vectors),
            old_indices=np.arange(n_frames),
        )


def store_run(
    folder: Path,
    forces_mae: list[float],
    *,
    total_energy_mae: float = 0.002,
    max_epochs: int = 2,
    finished: bool = True,
    held_out: tuple[float, float] | None = None,
) -> None:
    """Leave a training in a folder: one force MAE (eV/Å) per epoch; the last is the best."""
    metrics = folder / "metrics" / "version_0" / "metrics.csv"
    metrics.parent.mkdir(parents=True)
    columns = "epoch,train_loss_epoch/weighted_sum,val0_epoch/weighted_sum,val0_epoch/forces_mae,"
    rows = [columns + "val0_epoch/per_atom_energy_mae,val0_epoch/total_energy_mae,seconds"]
    for epoch, mae in enumerate(forces_mae):
        numbers = (epoch, 1.0, mae, mae, total_energy_mae / 12, total_energy_mae, 30.0 * epoch + 30)
        rows.append(",".join(map(str, numbers)))
    metrics.write_text("\n".join(rows) + "\n")
    facts = {"n_parameters": 1234, "device": "cpu", "finished": finished}
    (folder / "run.json").write_text(json.dumps(facts))
    if not finished:
        return
    (folder / "best.ckpt").write_bytes(b"")
    result = {
        "variant": "allegro", "input_hash": "abc", "seed": 0, "checkpoint": "best.ckpt",
        "epochs": len(forces_mae), "max_epochs": max_epochs, "best_epoch": len(forces_mae) - 1,
        "best_val_forces_mae": forces_mae[-1], "best_val_per_atom_energy_mae": 0.001,
        "n_parameters": 1234, "seconds": 60.0, "device": "cpu", "versions": {},
    }  # fmt: skip
    (folder / "result.json").write_text(json.dumps(result))
    if held_out is not None:
        forces, energy = held_out
        errors = {
            "input_hash": "abc", "n_frames": 16, "forces_mae": forces, "energy_mae": energy,
        }  # fmt: skip
        (folder / "held_out.json").write_text(json.dumps(errors))
