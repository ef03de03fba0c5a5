import shutil
from pathlib import Path

import pytest
from ase.build import bulk
from frame_samples import emt_frame

from training.dataset.builder import build_dataset
from training.dataset.extxyz import read_frames
from training.errors import TrainingError
from training.settings import DatasetSettings, SplitSettings
from training.sources.dataset import DatasetSource


@pytest.fixture(scope="module")
def without_stress(tmp_path_factory):
    """A dataset of slabs, open to one side: an engine gives no stress for some."""
    folder = tmp_path_factory.mktemp("slabs")
    runs = []
    for number in range(6):
        atoms = bulk("Cu", a=3.5 + 0.03 * number, cubic=True)
        atoms.pbc = [True, True, False] if number % 2 else True
        name = f"slab-{number}"
        runs.append([emt_frame(atoms, structure_id=name, trajectory_id=name)])
    build_dataset(runs, DatasetSettings(split=SplitSettings(val=0.3, test=0.3)), folder, seed=0)
    return folder


def test_frames_of_a_split(emt_dataset):
    source = DatasetSource(emt_dataset)
    for split in ("train", "val", "test"):
        frames = list(source.frames(split))
        assert frames == read_frames(emt_dataset / f"{split}.extxyz")
        assert source.n_frames(split) == len(frames) > 0
    assert source.has_forces


def test_stress_is_read_where_it_is_trained_on(emt_dataset):
    source = DatasetSource(emt_dataset)
    assert source.training_data(stress=False).module["exclude_keys"] == ["stress"]
    assert source.training_data(stress=True).module["exclude_keys"] == []
    assert source.verified_hashes(stress=True) == source.verified_hashes(stress=False)


def test_a_frame_without_the_stress_asked_for_is_named(without_stress):
    source = DatasetSource(without_stress)
    assert set(source.verified_hashes(stress=False)) == {"train", "val"}
    with pytest.raises(TrainingError, match=r"slab-\d, step 0, has no stress.*stress_weight: 0"):
        source.verified_hashes(stress=True)


def test_the_folder_may_be_relative(emt_dataset, tmp_path, monkeypatch):
    shutil.copytree(emt_dataset, tmp_path / "dataset")
    monkeypatch.chdir(tmp_path)
    source = DatasetSource(Path("dataset"))
    monkeypatch.chdir("/")
    assert source.verified_hashes(stress=False)
    files = source.training_data(stress=False).module
    assert files["train_file_path"] == str(tmp_path / "dataset" / "train.extxyz")
