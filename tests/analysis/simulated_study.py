"""Simulated studies: analytic trade-offs instead of trainings, written as a study's folder is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import optuna

from training.optimization.parameters import FloatParameter, IntParameter, OrdinalParameter
from training.tuning.settings import InferenceSettings, LimitSettings, TuningSettings
from training.tuning.trial import CostEstimate, InferenceTime, TrialResult
from training.variant_settings import training_settings

SPACE = {
    "model.r_max": FloatParameter(low=4.0, high=12.0),
    "learning_rate": FloatParameter(low=1e-4, high=1e-1, log=True),
    "model.num_layers": IntParameter(low=1, high=4),
    "batch_size": IntParameter(low=1, high=5),
    "model.polynomial_cutoff_p": FloatParameter(low=2.0, high=12.0),
    "model.edge_mlp_width": OrdinalParameter(values=(4, 8, 16, 32, 64, 128)),
}
_PEAK_MEMORY_LIMIT = 1.5  # GiB


def simulated_objectives(parameters: dict, offset: float = 1.0) -> tuple[float, float]:
    """Error and time of a made-up model: a larger one is slower and, up to a point, better.

    The batch size and P have no effect.
    """
    neighbours = (parameters["model.r_max"] / 5) ** 3
    layers, width = parameters["model.num_layers"], parameters["model.edge_mlp_width"]
    learning = (np.log10(parameters["learning_rate"]) + 2.5) ** 2
    error = offset * (0.006 + 0.05 / (1 + layers * neighbours) + 0.02 / width + 0.008 * learning)
    return float(error), float(2.0 + 3.0 * layers * neighbours * (1 + width / 64) / offset)


def draw(rng: np.random.Generator) -> dict:
    """Draw a point of `SPACE`."""
    return {
        "model.r_max": float(rng.uniform(4, 12)),
        "learning_rate": float(10 ** rng.uniform(-4, -1)),
        "model.num_layers": int(rng.integers(1, 5)),
        "batch_size": int(rng.integers(1, 6)),
        "model.polynomial_cutoff_p": float(rng.uniform(2, 12)),
        "model.edge_mlp_width": int(rng.choice((4, 8, 16, 32, 64, 128))),
    }


def result(parameters: dict, offset: float = 1.0) -> TrialResult:
    error, time = simulated_objectives(parameters, offset)
    if parameters["learning_rate"] > 0.06:
        return TrialResult(
            parameters=parameters, accuracy_name="forces_mae", max_epochs=10,
            failure="the loss became NaN in epoch 3: <b>lower learning_rate</b>",
        )  # fmt: skip
    return TrialResult(
        parameters=parameters, accuracy=error, accuracy_name="forces_mae", epochs=10, max_epochs=10,
        inference=InferenceTime(
            per_atom_seconds=1e-6 * time, spread=0.02, n_atoms=21, n_edges=420, repeats=20,
            compiled=True, device="cpu", dtype="float32", threads=1, other_load=0.1,
        ),
        cost=CostEstimate(flops_per_atom=2e5 * time, bytes_per_atom=1e5 * time),
        peak_memory_bytes=int(0.02 * time * 2**30), training_seconds=60.0, compile_seconds=41.0,
    )  # fmt: skip


def write_study(
    folder: Path,
    n_trials: int = 60,
    *,
    variant: str = "allegro",
    offset: float = 1.0,
    offspring: int = 12,
    seed: int = 0,
    tuning: dict | None = None,
    data: dict | None = None,
) -> Path:
    """Write a study of random points; return its folder."""
    rng = np.random.default_rng(seed)
    settings = TuningSettings(
        generations=-(-n_trials // offspring) or 1, offspring=offspring,
        inference=InferenceSettings(), limits=LimitSettings(peak_memory=_PEAK_MEMORY_LIMIT),
        **(tuning or {}),
    )  # fmt: skip
    study = {
        "name": f"simulated-{variant}", "variant": variant, "dataset": "aspirin", "seed": seed,
        "hash": hashlib.sha256(f"{variant} {seed}".encode()).hexdigest(),
        "versions": {"torch": "0"},
        "data": data or {"source": "rmd17", "directory": "x", "molecule": "aspirin"},
        "data_root": "..", "symbols": ["C", "H", "O"], "has_forces": True,
        "search_space": {name: parameter.model_dump() for name, parameter in SPACE.items()},
        "training": training_settings({"variant": variant}).model_dump(mode="json"),
        "tuning": settings.model_dump(mode="json"),
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps(study))
    results = [result(draw(rng), offset) for _ in range(n_trials)]
    return store_results(folder, results, offspring)


def store_results(folder: Path, results: list[TrialResult], offspring: int = 12) -> Path:
    """Write Optuna's storage of a study with these trials; return its folder."""
    (folder / "study.db").unlink(missing_ok=True)
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'study.db'}")
    name = json.loads((folder / "study.json").read_text())["name"]
    study = optuna.create_study(study_name=name, storage=storage, directions=["minimize"] * 2)
    for number, trial in enumerate(results):
        attributes = {
            "generation": number // offspring,
            "result": trial.model_dump(mode="json"),
        }
        study.add_trial(
            optuna.create_trial(state=optuna.trial.TrialState.FAIL, user_attrs=attributes)
        )
    storage.engine.dispose()
    return folder
