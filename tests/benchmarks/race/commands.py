"""How each peer is trained: the command, what it writes, and what its length is counted in.

The settings were chosen once, before any error was seen, from each program's documentation, and
sized so that a budget of minutes is enough.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.benchmarks.race.frames_for_peers import ENERGY, FORCES, read_frames, write_for_peers

R_MAX = 5.0  # Å, for all


@dataclass(frozen=True)
class Task:
    """One training.

    Attributes
    ----------
    dataset
        Folder with ``train.extxyz`` and ``val.extxyz``.
    folder
        Where the training runs; empty.
    length
        Epochs, or training frames.
    """

    dataset: Path
    folder: Path
    length: int
    seed: int


@dataclass(frozen=True)
class Peer:
    """A program that trains.

    Attributes
    ----------
    command
        Prepares the folder and returns what to run there; it is given the peers' python.
    model
        File, relative to the folder, that the training ends with.
    kind
        Calculator in `judge` that reads the file.
    counts
        What `length` counts; "" if the time cannot be chosen.
    trial_lengths
        Two short lengths, from which the processor time of others follows.
    foreign
        Whether it runs in the environment of the peers.
    """

    name: str
    command: Callable[[Task, str], Sequence[str]]
    model: str
    kind: str
    counts: str = "epochs"
    trial_lengths: tuple[int, int] = (1, 3)
    foreign: bool = False


def _mace(irreps: str) -> Callable[[Task, str], Sequence[str]]:
    def command(task: Task, python: str) -> Sequence[str]:
        for split in ("train", "val"):
            frames = read_frames(task.dataset / f"{split}.extxyz")
            write_for_peers(frames, task.folder / f"{split}.xyz")
        options = {
            "name": "race",
            "train_file": "train.xyz",
            "valid_file": "val.xyz",
            "energy_key": ENERGY,
            "forces_key": FORCES,
            "model": "MACE",
            "hidden_irreps": irreps,
            "r_max": R_MAX,
            "E0s": "average",  # replaced by those of isolated atoms, where there are some
            "batch_size": 5,
            "valid_batch_size": 10,
            "max_num_epochs": task.length,
            "scheduler": "ExponentialLR",
            "lr_scheduler_gamma": f"{0.01 ** (1 / max(task.length, 1)):.6f}",
            "default_dtype": "float32",
            "device": "cpu",
            "seed": task.seed,
            "skip_evaluate_heads": "Default",  # errors on the training frames take a third
            "plot": False,
        }
        arguments = [f"--{key}={value}" for key, value in options.items()]
        return [str(Path(python).with_name("mace_run_train")), "--ema", *arguments]

    return command


def _gap(task: Task, python: str) -> Sequence[str]:
    frames = read_frames(task.dataset / "train.extxyz")
    alone = [frame for frame in frames if len(frame) == 1]
    others = [frame for frame in frames if len(frame) > 1]
    order = np.random.default_rng(task.seed).permutation(len(others))[: task.length]
    write_for_peers([*alone, *(others[index] for index in order)], task.folder / "train.xyz")
    terms = (
        f"distance_2b cutoff={R_MAX} covariance_type=ard_se delta=1.0 theta_uniform=1.0 "
        "n_sparse=20",
        f"soap l_max=4 n_max=6 atom_sigma=0.5 zeta=2 cutoff={R_MAX} cutoff_transition_width=1.0 "
        "delta=0.2 covariance_type=dot_product n_sparse=300 sparse_method=cur_points",
    )
    return [
        str(Path(python).with_name("gap_fit")),
        "at_file=train.xyz",
        f"gap={{{' : '.join(terms)}}}",
        "default_sigma={0.001 0.03 0 0}",
        f"e0_method={'isolated' if _all_alone(alone, others) else 'average'}",
        f"energy_parameter_name={ENERGY}",
        f"force_parameter_name={FORCES}",
        "do_copy_at_file=F",
        "sparse_separate_file=F",
        f"rnd_seed={task.seed + 1}",
        "gp_file=gap.xml",
    ]


def _all_alone(alone: Sequence, others: Sequence) -> bool:
    elements = {symbol for frame in others for symbol in frame.get_chemical_symbols()}
    return elements == {frame.get_chemical_symbols()[0] for frame in alone}


def _cuprolith(**training: Any) -> Callable[[Task, str], Sequence[str]]:
    """Return the command of a training by ``cuprolith train``, from what is not default in it."""

    def command(task: Task, _: str) -> Sequence[str]:
        file = {
            "name": "race",
            "seed": task.seed,
            "data": {"source": "dataset", "directory": task.dataset.name},
            "training": training,
        }
        (task.folder / "race.yaml").write_text(yaml.safe_dump(file))
        options = ["--data", str(task.dataset.parent), "--out", str(task.folder / "run")]
        length = ["--max-epochs", str(task.length)]
        start = [sys.executable, "-c", "from workflows.cli.main import main; main()"]
        return [*start, "train", str(task.folder / "race.yaml"), *options, *length]

    return command


def _kernel(task: Task, _: str) -> Sequence[str]:
    module = "tests.benchmarks.race.kernel_ridge_peer"
    return [sys.executable, "-m", module, str(task.dataset), str(task.seed), "kernel.npz"]


PEERS = {
    peer.name: peer
    for peer in (
        Peer("cuprolith", _cuprolith(variant="allegro"), "run/seed-{seed}/best.ckpt", "cuprolith"),
        Peer(
            "nequip-gnn",
            _cuprolith(variant="nequip", model={"num_layers": 2, "num_features": 16}),
            "run/seed-{seed}/best.ckpt",
            "cuprolith",
            trial_lengths=(1, 2),
        ),
        Peer("kernel", _kernel, "kernel.npz", "kernel", counts=""),
        Peer("gap", _gap, "gap.xml", "gap", "frames", (40, 160), foreign=True),
        Peer(
            "mace-16x0e", _mace("16x0e"), "race.model", "mace", trial_lengths=(1, 2), foreign=True
        ),
    )
}
