"""NequIP's configuration of one training, made from our settings."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from training.settings import TrainingSettings
from training.source import TrainingData
from training.variant import model_config

# Names under which NequIP's trainer logs, and the files it writes in its working directory.
MONITOR = "val0_epoch/weighted_sum"
BEST_CHECKPOINT = "best.ckpt"
LAST_CHECKPOINT = "last.ckpt"
METRICS_DIR = "metrics"
RUN_FACTS = "run.json"

# Validation asks for forces and says little else about a batch, so it may be this much larger.
_EVALUATION_BATCH_FACTOR = 4
_NEIGHBOR_STATISTIC = {
    "sqrt": "${training_data_stats:num_neighbors_mean}",
    "mean": "${training_data_stats:num_neighbors_squared_mean}",
}
_OPTIMIZERS: dict[str, dict[str, Any]] = {
    "adam": {"_target_": "torch.optim.Adam"},
    # Weights may become as large as they like, as with Adam.
    "soap": {"_target_": "pytorch_optimizer.SOAP", "weight_decay": 0.0},
}
# The cosine ends at this fraction of the starting learning rate.
_FINAL_LEARNING_RATE = 0.01


def nequip_config(settings: TrainingSettings, data: TrainingData, seed: int) -> dict[str, Any]:
    """Return the Hydra configuration with which ``nequip-train`` runs one training.

    Statistics of the training set (mean number of neighbours, force RMS) are left to NequIP's own
    resolver ``training_data_stats``.

    Parameters
    ----------
    settings
        The campaign's ``training`` section.
    data
        Facts about the dataset.
    seed
        Decides initial weights and the order of frames.

    Returns
    -------
    Nested dictionary of plain YAML types.
    """
    return {
        "run": ["train"],
        "data": _data(settings, data, seed),
        "trainer": _trainer(settings),
        "training_module": _training_module(settings, data, seed),
    }


def _data(settings: TrainingSettings, data: TrainingData, seed: int) -> dict[str, Any]:
    loader = {
        "_target_": "training.nequip_runs.data_loaders.data_loader",
        "num_workers": settings.num_workers,
    }
    evaluation_batch = _EVALUATION_BATCH_FACTOR * settings.batch_size
    statistics_loader = {"batch_size": evaluation_batch, "shuffle": False}
    if settings.num_workers > 0:  # workers take seconds to start, and this is a single pass
        statistics_loader["num_workers"] = 0
    return {
        **data.module,
        "seed": seed,
        "transforms": [
            {"_target_": "training.frame_sources.molecule_cells.CellAroundMolecules"},
            {
                "_target_": "nequip.data.transforms.ChemicalSpeciesToAtomTypeMapper",
                "model_type_names": list(data.symbols),
                "chemical_species_to_atom_type_map": {name: name for name in data.symbols},
            },
            {
                "_target_": "nequip.data.transforms.NeighborListTransform",
                "r_max": settings.model.r_max,
            },
        ],
        "train_dataloader": {**loader, "batch_size": settings.batch_size, "shuffle": True},
        "val_dataloader": {**loader, "batch_size": evaluation_batch},
        "stats_manager": {
            "_target_": "training.nequip_runs.training_statistics.training_statistics",
            "has_forces": data.has_forces,
            "dataloader_kwargs": statistics_loader,
            "type_names": list(data.symbols),
        },
    }


def _trainer(settings: TrainingSettings) -> dict[str, Any]:
    checkpoint = {
        "_target_": "lightning.pytorch.callbacks.ModelCheckpoint",
        "dirpath": ".",
        "save_top_k": 1,
        "enable_version_counter": False,  # one name each: a resumed run replaces, never adds
    }
    callbacks: list[dict[str, Any]] = [
        {"_target_": "training.nequip_runs.callbacks.RunFacts"},
        {"_target_": "training.nequip_runs.callbacks.EpochRecord"},
        {"_target_": "training.nequip_runs.callbacks.FiniteLoss"},
        {"_target_": "training.nequip_runs.callbacks.ResumedShuffling"},
        {**checkpoint, "filename": Path(BEST_CHECKPOINT).stem, "monitor": MONITOR},
        # After `best`, so that a kill between the two repeats the epoch instead of skipping it.
        {**checkpoint, "filename": Path(LAST_CHECKPOINT).stem},
    ]
    devices: dict[str, Any] = {"devices": settings.devices}
    if settings.devices > 1:
        callbacks.append({"_target_": "training.nequip_runs.callbacks.EndsOnSigterm"})
        # The one strategy of NequIP that compiled models can be trained with.
        devices["strategy"] = {"_target_": "nequip.train.SimpleDDPStrategy"}
    return {
        "_target_": "lightning.Trainer",
        "accelerator": "auto",
        **devices,
        "max_epochs": settings.max_epochs,
        "max_time": settings.max_time,
        "check_val_every_n_epoch": 1,  # NequIP's EMA module asks for it
        "num_sanity_val_steps": 0,
        "log_every_n_steps": 1_000_000_000,  # epochs only; single steps would swell the log
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "logger": {
            "_target_": "lightning.pytorch.loggers.CSVLogger",
            "save_dir": ".",
            "name": METRICS_DIR,
        },
        "callbacks": callbacks,
    }


def _training_module(settings: TrainingSettings, data: TrainingData, seed: int) -> dict[str, Any]:
    frames_per_device = math.ceil(data.n_train / settings.devices)
    steps = settings.max_epochs * math.ceil(frames_per_device / settings.batch_size)
    return {
        "_target_": "nequip.train.EMALightningModule",
        "ema_decay": settings.ema_decay,
        **_losses(settings, data),
        "optimizer": {**_OPTIMIZERS[settings.optimizer], "lr": settings.learning_rate},
        # Stepped per batch: Lightning checkpoints before it steps epoch-wise schedulers, which
        # would make a resumed run differ from an undisturbed one.
        "lr_scheduler": {
            "interval": "step",
            "scheduler": {
                "_target_": "torch.optim.lr_scheduler.CosineAnnealingLR",
                "T_max": steps,
                "eta_min": _FINAL_LEARNING_RATE * settings.learning_rate,
            },
        },
        "model": {
            **model_config(settings),
            "seed": seed,
            "model_dtype": settings.dtype,
            "compile_mode": "compile" if settings.compile else "eager",
            "type_names": list(data.symbols),
            # NequIP divides sums over neighbours by the square root of this.
            "avg_num_neighbors": _NEIGHBOR_STATISTIC[settings.model.neighbor_normalization],
            "per_type_energy_scales": data.energy_scale or "${training_data_stats:forces_rms}",
            "per_type_energy_shifts": {name: data.atomic_energies[name] for name in data.symbols},
            "do_derivatives": data.has_forces,
        },
    }


def _losses(settings: TrainingSettings, data: TrainingData) -> dict[str, Any]:
    """Loss and validation metrics over what the frames carry."""
    names = {"total_energy": settings.energy_weight}
    kind = "EnergyOnly"
    if data.has_forces:
        names["forces"] = settings.force_weight
        kind = "EnergyForce"
    if data.has_forces and settings.stress_weight > 0:
        names["stress"] = settings.stress_weight
        kind = "EnergyForceStress"
    maes = {f"{name.replace('total_energy', 'per_atom_energy')}_mae": names[name] for name in names}
    loss: dict[str, Any] = {"_target_": f"nequip.train.{kind}Loss", "per_atom_energy": True}
    if data.has_forces:
        loss["coeffs"] = names
    return {
        "loss": loss,
        "val_metrics": {"_target_": f"nequip.train.{kind}Metrics", "coeffs": maes},
    }
