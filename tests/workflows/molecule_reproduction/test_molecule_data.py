"""How frames are split, and how noise comes to labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuprolith.errors import CuprolithError
from training.dataset.extxyz import read_frames
from training.dataset.frames import Frame
from workflows.molecule_reproduction.data import (
    MoleculeData,
    distance_along,
    split_frames,
    write_noisy,
)
from workflows.molecule_reproduction.settings import SystemSettings


def frame(number, distance):
    return Frame(
        numbers=np.array([3, 1]), positions=np.array([[0.0, 0, 0], [0, 0, distance]]),
        cell=np.zeros((3, 3)), pbc=(False, False, False), energy=-200.0 - distance,
        forces=np.zeros((2, 3)), stress=None, structure_id=f"s{number}", family="molecule",
        trajectory_id=f"s{number}", step=0, engine="pyscf", functional="FCI", config_hash="0",
    )  # fmt: skip


def frames(n):
    return [frame(number, 1 + 0.01 * number) for number in range(n)]


def system(train, val, test, order="random"):
    return SystemSettings(
        name="lih", label="LiH", campaign="lih.yaml", train=train, val=val, test=test, order=order,
        cut=(0, 1),
    )  # fmt: skip


@given(
    st.integers(3, 30), st.integers(1, 10), st.integers(1, 40), st.integers(0, 20),
    st.sampled_from(["even", "random"]), st.integers(0, 3),
)  # fmt: skip
def test_splits_have_the_sizes_asked_for_and_no_frame_in_common(
    train, val, test, more, order, seed
):
    asked = system(train, val, test, order)
    found = split_frames(frames(train + val + test + more), asked, seed)
    assert [len(found[name]) for name in ("train", "val", "test")] == [train, val, test]
    names = [each.structure_id for split in found.values() for each in split]
    assert len(set(names)) == len(names)


def test_along_a_cut_both_ends_are_trained_on():
    asked = system(43, 10, 81, "even")
    found = split_frames(frames(134), asked, 0)
    distances = {
        name: [distance_along(each, asked) for each in split] for name, split in found.items()
    }
    assert min(distances["train"]) == pytest.approx(1.0)
    assert max(distances["train"]) == pytest.approx(2.33)
    assert max(np.diff(sorted(distances["train"]))) < 0.065


def test_too_few_labels_are_refused():
    with pytest.raises(CuprolithError, match="9 labelled frames, and the splits need 10"):
        split_frames(frames(9), system(5, 2, 3), 0)


def test_noise_is_normal_the_same_each_time_and_not_on_test(tmp_path):
    data = MoleculeData(tmp_path, split_frames(frames(900), system(600, 200, 100), 0))
    write_noisy(data, 0.05, seed=1)
    files = data.files(0.05)
    first = files["train"].read_bytes()
    shifts = [
        noisy.energy - clean.energy
        for noisy, clean in zip(read_frames(files["train"]), data.splits["train"], strict=True)
    ]
    assert np.std(shifts) == pytest.approx(0.05, rel=0.1)
    assert abs(np.mean(shifts)) < 0.01
    write_noisy(data, 0.05, seed=1)
    assert files["train"].read_bytes() == first
    assert files["test"] == data.files(0.0)["test"]
