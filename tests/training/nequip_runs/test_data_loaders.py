import pickle
import tempfile
from itertools import islice
from multiprocessing.reduction import ForkingPickler

import pytest
import torch
from hydra.utils import instantiate
from nequip.utils.dtype import torch_default_dtype
from nequip.utils.global_state import set_global_state

from training.nequip_runs import data_loaders
from training.nequip_runs.data_loaders import data_loader
from training.nequip_runs.nequip_config import nequip_config
from training.sources.dataset import DatasetSource
from training.variants.allegro import AllegroTraining

SEED = 7
EPOCHS = 3


@pytest.fixture(scope="module", autouse=True)
def nequip_state():
    """NequIP's default dtype, for these tests only."""
    with torch_default_dtype(torch.float64):
        set_global_state()
        yield


def data_module(source, **settings):
    config = nequip_config(AllegroTraining(**settings), source.training_data(stress=False), SEED)
    return instantiate(config["data"], _recursive_=False)


def epochs_of(module, first_state=None, n_epochs=EPOCHS):
    """Batches of training and validation as Lightning reads them, and what it would checkpoint."""
    module.setup("fit")
    if first_state is not None:
        module.train_generator.set_state(first_state["train_generator_state"])
    for _ in range(n_epochs):
        loader = module.train_dataloader()
        yield (
            list(islice(loader, len(loader))),  # never past the last batch
            list(module.val_dataloader()[0]),
            module.state_dict(),
        )


def assert_same_batches(ours, theirs):
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.keys() == other.keys()
        for name, value in other.items():
            assert mine[name].dtype == value.dtype
            assert torch.equal(mine[name], value)


@pytest.mark.parametrize("full", [True, False])
def test_frames_come_in_the_order_of_a_plain_loader(full, emt_dataset):
    """Also where the last batch is not full, and after a restart."""
    source = DatasetSource(emt_dataset)
    n_train = source.n_frames("train")
    batch_size = n_train // 4 if full else n_train // 4 + 1
    assert (n_train % batch_size == 0) == full
    plain = data_module(source, batch_size=batch_size)
    ours = data_module(source, batch_size=batch_size)
    plain.train_dataloader_config["_target_"] = "torch.utils.data.DataLoader"
    del plain.train_dataloader_config["num_workers"]
    state = None
    for _ in range(2):
        for mine, theirs in zip(epochs_of(ours, state), epochs_of(plain, state), strict=True):
            assert_same_batches(mine[0], theirs[0])
            states = [epoch[2]["train_generator_state"] for epoch in (mine, theirs)]
            assert torch.equal(*states)
        state = mine[2]
        for module in (ours, plain):
            module.teardown("fit")


@pytest.mark.slow  # workers import torch and NequIP first
def test_workers_change_no_number(emt_dataset, tmp_path, monkeypatch):
    """Not even those that read to the end of an epoch and beyond, in a folder of a long name."""
    long_path = tmp_path / ("long" * 30)
    long_path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(long_path))
    source = DatasetSource(emt_dataset)
    batch_size = source.n_frames("train") // 4
    plain = data_module(source, batch_size=batch_size)
    workers = data_module(source, batch_size=batch_size, num_workers=1)
    assert workers.get_statistics("train") == plain.get_statistics("train")
    epochs = (epochs_of(module, n_epochs=2) for module in (workers, plain))
    for ours, theirs in zip(*epochs, strict=True):
        assert_same_batches(ours[0], theirs[0])
        assert_same_batches(ours[1], theirs[1])
        states = [epoch[2]["train_generator_state"] for epoch in (ours, theirs)]
        assert torch.equal(*states)


def test_frames_are_sent_to_workers_by_value():
    frames = [{"pos": torch.arange(3.0) + i} for i in range(5)]
    loader = data_loader(frames, torch.Generator(), list, 2)
    copy = pickle.loads(bytes(ForkingPickler.dumps(loader.dataset)))
    assert not any(frame["pos"].is_shared() for frame in frames)
    assert [frame["pos"].tolist() for frame in copy] == [[i, i + 1, i + 2] for i in range(5)]
    ForkingPickler.dumps(frames)
    assert all(frame["pos"].is_shared() for frame in frames)


class Counted:
    """Frames that count how often they are prepared."""

    def __init__(self, frames):
        self.frames = frames
        self.asked = []

    def __len__(self):
        return len(self.frames)

    def __getitem__(self, index):
        self.asked.append(index)
        return self.frames[index].copy()


@pytest.mark.parametrize(("room", "kept"), [(10_000, 4), (2 * 24, 2), (0, 0)])
def test_frames_are_prepared_once_as_far_as_the_memory_reaches(room, kept, monkeypatch):
    monkeypatch.setattr(data_loaders, "_KEPT_BYTES", room)
    frames = Counted([{"pos": torch.arange(3.0, dtype=torch.float64) + i} for i in range(4)])
    loader = data_loader(frames, torch.Generator(), list, 2)
    for _ in range(3):
        seen = [frame["pos"].tolist() for batch in loader for frame in batch]
        assert seen == [[i, i + 1, i + 2] for i in range(4)]
    assert len(frames.asked) == kept + 3 * (4 - kept)


def test_what_a_model_does_to_a_frame_is_not_kept():
    loader = data_loader([{"pos": torch.ones(3)}], torch.Generator(), list, 1)
    for _ in range(2):
        (frame,) = next(iter(loader))
        assert not frame["pos"].requires_grad
        assert frame.keys() == {"pos"}
        frame["pos"].requires_grad_()
        frame["forces"] = torch.zeros(3)
