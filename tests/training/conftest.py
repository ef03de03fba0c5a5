"""One small trained model for all tests that need one."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from frame_samples import emt_frame

from training.dataset import build_dataset
from training.frames import Frame
from training.settings import AllegroSettings, DatasetSettings, SplitSettings, TrainingSettings
from training.sources import DatasetSource
from training.trainer import train
from training.training_run import TrainingError

LATTICE_CONSTANTS = {"Al": 4.05, "Cu": 3.61}
SEED = 7


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
def emt_dataset(tmp_path_factory):
    """Dataset of Al, Cu and alloys."""
    folder = tmp_path_factory.mktemp("dataset")
    runs = [crystal_frames(element, number) for element in LATTICE_CONSTANTS for number in range(6)]
    runs.append([emt_frame(bulk("Cu", a=3.6), structure_id="bulk-one", trajectory_id="one")])
    settings = DatasetSettings(split=SplitSettings(val=0.15, test=0.15))
    build_dataset(runs, settings, folder, seed=1)
    return folder


@pytest.fixture(scope="session")
def small_settings():
    """Settings with which a model learns EMT in seconds."""
    model = AllegroSettings(
        r_max=4.5, num_scalar_features=8, num_tensor_features=2, edge_mlp_width=8
    )
    return TrainingSettings(model=model, max_epochs=40, batch_size=8, learning_rate=0.02)


@pytest.fixture(scope="session")
def trained(emt_dataset, small_settings, tmp_path_factory):
    """Folder, result and reported epochs of an undisturbed training."""
    folder = tmp_path_factory.mktemp("training") / "allegro"
    epochs = []
    result = train(small_settings, DatasetSource(emt_dataset), folder, SEED, epochs.append)
    return folder, result, epochs


@pytest.fixture(scope="session")
def diverged(emt_dataset, small_settings, tmp_path_factory):
    """Folder and error of a training whose loss is not finite."""
    folder = tmp_path_factory.mktemp("diverged") / "allegro"
    settings = small_settings.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(TrainingError) as raised:
        train(settings, DatasetSource(emt_dataset), folder, SEED)
    return folder, raised.value
