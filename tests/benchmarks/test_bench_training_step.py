"""One training step of each variant: forward, loss on energies and forces, backward, Adam.

``pytest tests/benchmarks/test_bench_training_step.py --benchmark-enable`` measures sizes as in the
paper's CuLi column (Tables II and III), time with pytest-benchmark and peak memory in a process of
its own; without the option the same code runs once on one small cell. On a GPU where there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import bulk
from fresh_process import peak_beyond, printed_number
from hydra.utils import get_method
from nequip.data import AtomicDataDict, compute_neighborlist_, from_ase
from nequip.utils.dtype import torch_default_dtype
from nequip.utils.global_state import set_global_state

from training.settings import TrainingSettings
from training.variant import VARIANTS, model_config
from training.variants.allegro import AllegroSettings
from training.variants.allegro_mlp import FinalMLPSettings
from training.variants.allegro_qdi import QDISettings

ROOT = Path(__file__).parents[2]
NAMES = ["allegro", "allegro-mlp", "allegro-qdi"]
R_MAX = 5.0
# Cells per batch and their repetitions: 5 cells of 32 atoms as in Table III, and a large cell.
SIZES = {"5 x 32 atoms": (5, 2), "1 x 864 atoms": (1, 6)}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def settings(variant: str) -> TrainingSettings:
    """CuLi of Table III; the MLP as wide as what it stands for: 4 features, 4 and 128 wide."""
    own = {
        "allegro-mlp": {"final_mlp": FinalMLPSettings(input_width=4, widths=(4, 128))},
        "allegro-qdi": {"qdi": QDISettings(input_features=4, depth=3, final_mlp_width=128)},
    }
    model = AllegroSettings(r_max=R_MAX, polynomial_cutoff_p=12.0, num_layers=3, edge_mlp_width=4)
    return VARIANTS[variant].settings(model=model, **own.get(variant, {}))


def batch(n_frames: int, repeat: int) -> AtomicDataDict.Type:
    frames = []
    for seed in range(n_frames):
        rng = np.random.default_rng(seed)
        atoms = bulk("Cu", "fcc", 3.7, cubic=True).repeat(repeat)
        atoms.positions += rng.normal(size=(len(atoms), 3)) * 0.1
        with torch_default_dtype(torch.float64):
            data = from_ase(atoms)
            data[AtomicDataDict.ATOM_TYPE_KEY] = torch.tensor(rng.integers(0, 2, len(atoms)))
            frames.append(compute_neighborlist_(data, r_max=R_MAX))
    return AtomicDataDict.to_(AtomicDataDict.batched_from_list(frames), DEVICE)


def training_step(variant: str, n_frames: int, repeat: int) -> tuple[Callable[[], None], int]:
    """Return a function that takes one step, and the number of edges in the batch."""
    config = model_config(settings(variant))
    with torch_default_dtype(torch.float64):
        set_global_state()
        model = get_method(config.pop("_target_"))(
            **config,
            seed=1,
            model_dtype="float32",
            type_names=["Cu", "Li"],
            avg_num_neighbors=40.0,
            per_type_energy_scales=1.0,
            per_type_energy_shifts={"Cu": 0.0, "Li": 0.0},
        )
    model = model.to(DEVICE).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    data = batch(n_frames, repeat)
    forces = torch.zeros_like(data[AtomicDataDict.POSITIONS_KEY])

    def step() -> None:
        optimizer.zero_grad()
        output = model(data)
        energies = output[AtomicDataDict.TOTAL_ENERGY_KEY] / len(forces)
        loss = energies.square().mean()
        loss = loss + (output[AtomicDataDict.FORCE_KEY] - forces).square().mean()
        loss.backward()
        optimizer.step()
        if DEVICE == "cuda":
            torch.cuda.synchronize()

    return step, data[AtomicDataDict.EDGE_INDEX_KEY].shape[1]


def memory_of_a_step(variant: str, n_frames: int, repeat: int) -> float:
    """Peak memory of a step beyond that before it, MB."""
    step, _ = training_step(variant, n_frames, repeat)
    if DEVICE == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    return peak_beyond(step)


def peak_mb(*arguments: object) -> float:
    script = (
        "import sys, test_bench_training_step as bench\n"
        "print(bench.memory_of_a_step(sys.argv[1], *map(int, sys.argv[2:])))"
    )
    return round(printed_number(script, *arguments), 1)


@pytest.mark.parametrize("variant", NAMES)
@pytest.mark.parametrize("size", SIZES)
def test_training_step(benchmark, measuring, size, variant):
    benchmark.group = size
    n_frames, repeat = SIZES[size] if measuring else (1, 1)
    step, n_edges = training_step(variant, n_frames, repeat)
    step()
    rounds = max(10, 200_000 // n_edges) if measuring else 1
    benchmark.pedantic(step, rounds=rounds, warmup_rounds=2 if measuring else 0)
    benchmark.extra_info |= {"n_edges": n_edges, "threads": torch.get_num_threads()}
    if measuring:
        benchmark.extra_info["peak_mb"] = peak_mb(variant, n_frames, repeat)
