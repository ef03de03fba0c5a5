"""One small trained model for all tests that need one, in whichever process they run."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

import numpy as np
import pytest
from ase.build import bulk
from filelock import FileLock
from frame_samples import SEED, emt_frame

from training.dataset.builder import build_dataset
from training.dataset.frames import Frame
from training.errors import TrainingError
from training.nequip_runs.nequip_process import EpochMetrics
from training.nequip_runs.trainer import train
from training.nequip_runs.training_run import load_result
from training.settings import DatasetSettings, SplitSettings
from training.sources.dataset import DatasetSource
from training.variants.allegro import AllegroSettings, AllegroTraining

LATTICE_CONSTANTS = {"Al": 4.05, "Cu": 3.61}


def crystal_frames(element: str, number: int, n_frames: int = 10) -> list[Frame]:
    """Rattled, strained four-atom crystals with EMT labels; the odd ones are alloys."""
    rng = np.random.default_rng([number, ord(element[0])])
    name = f"bulk-{element}{number}"
    frames = []
    for step in range(n_frames):
        a = LATTICE_CONSTANTS[element] * rng.uniform(0.97, 1.04)
        atoms = bulk(element, "fcc", a, cubic=True)
        if number % 2:
            atoms.symbols[0] = "Al" if element == "Cu" else "Cu"
        atoms.positions += rng.normal(size=(4, 3)) * 0.12
        frames.append(emt_frame(atoms, structure_id=name, trajectory_id=name, step=step))
    return frames


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder that test processes side by side have in common, and the lock for writing there."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    return folder, FileLock(folder / "shared.lock")


@pytest.fixture(scope="session")
def emt_dataset(shared):
    """Dataset of Al, Cu and alloys."""
    folder, lock = shared[0] / "emt-dataset", shared[1]
    with lock:
        if not (folder / "dataset.json").exists():
            runs = [crystal_frames(element, n) for element in LATTICE_CONSTANTS for n in range(6)]
            runs.append(
                [emt_frame(bulk("Cu", a=3.6), structure_id="bulk-one", trajectory_id="one")]
            )
            settings = DatasetSettings(split=SplitSettings(val=0.15, test=0.15))
            build_dataset(runs, settings, folder, seed=1)
    return folder


@pytest.fixture(scope="session")
def small_settings():
    """Settings with which a model learns EMT in seconds."""
    model = AllegroSettings(
        r_max=4.5, num_scalar_features=8, num_tensor_features=2, edge_mlp_width=8
    )
    return AllegroTraining(model=model, max_epochs=40, batch_size=8, learning_rate=0.02)


@pytest.fixture(scope="session")
def trained(emt_dataset, small_settings, shared):
    """Folder, result and reported epochs of an undisturbed training."""
    folder, lock = shared[0] / "trained" / "allegro", shared[1]
    told = folder.parent / "epochs.json"
    with lock:
        if not told.exists():
            epochs = []
            train(small_settings, DatasetSource(emt_dataset), folder, SEED, epochs.append)
            told.write_text(json.dumps([asdict(epoch) for epoch in epochs]))
    epochs = [EpochMetrics(**epoch) for epoch in json.loads(told.read_text())]
    return folder, load_result(folder), epochs


@pytest.fixture(scope="session")
def diverged(emt_dataset, small_settings, shared):
    """Folder and error of a training whose loss is not finite."""
    folder, lock = shared[0] / "diverged" / "allegro", shared[1]
    said = folder.parent / "error.txt"
    settings = small_settings.model_copy(update={"learning_rate": 1e30})
    with lock:
        if not said.exists():
            with pytest.raises(TrainingError) as raised:
                train(settings, DatasetSource(emt_dataset), folder, SEED)
            said.write_text(str(raised.value))
    return folder, TrainingError(said.read_text())
