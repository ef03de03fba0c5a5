import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from nequip.data import AtomicDataDict
from nequip.utils.dtype import torch_default_dtype
from nequip.utils.global_state import set_global_state

from tests.training.sources.public_files import small_molecules, write_qm9, write_rmd17
from training.nequip_runs.nequip_config import nequip_config
from training.sources.qm9 import QM9Source
from training.sources.rmd17 import RMD17Source
from training.variants.allegro import AllegroSettings, AllegroTraining


@pytest.fixture(autouse=True)
def nequip_state():
    """NequIP's default dtype, for these tests only."""
    with torch_default_dtype(torch.float64):
        set_global_state()
        yield


@pytest.fixture
def qm9(tmp_path):
    write_qm9(tmp_path, small_molecules(4), failed=[])
    return QM9Source(tmp_path, n_train=8, n_val=2)


@pytest.fixture
def rmd17(tmp_path):
    write_rmd17(tmp_path)
    return RMD17Source(tmp_path, "benzene", n_train=15, n_val=5)


def data_module(source, batch_size=4, r_max=3.0):
    settings = AllegroTraining(batch_size=batch_size, model=AllegroSettings(r_max=r_max))
    config = nequip_config(settings, source.training_data(stress=False), seed=5)
    module = instantiate(config["data"], _recursive_=False)
    module.setup("fit")
    return module


def test_batches_carry_the_molecules(rmd17):
    module = data_module(rmd17)
    arrays = rmd17.arrays("val")
    batch = next(iter(module.val_dataloader()[0]))
    assert AtomicDataDict.num_frames(batch) == 5
    np.testing.assert_array_equal(batch["pos"].numpy(), arrays.positions)
    np.testing.assert_array_equal(batch["forces"].numpy(), arrays.forces)
    np.testing.assert_array_equal(batch["total_energy"].numpy().ravel(), arrays.energies)
    assert not batch["pbc"].any()


def test_edges_join_atoms_of_a_molecule_within_the_cutoff(qm9):
    batch = next(iter(data_module(qm9, r_max=1.3).train_dataloader()))
    first, second = batch["edge_index"]
    assert (batch["batch"][first] == batch["batch"][second]).all()
    lengths = (batch["pos"][first] - batch["pos"][second]).norm(dim=1)
    assert lengths.max() < 1.3
    distances = torch.cdist(batch["pos"], batch["pos"])
    same = batch["batch"][:, None] == batch["batch"][None]
    expected = int(((distances < 1.3) & same).sum()) - len(batch["pos"])
    assert len(first) == expected


def test_energies_alone(qm9):
    module = data_module(qm9)
    batch = next(iter(module.train_dataloader()))
    assert "forces" not in batch
    assert {"num_neighbors_mean", "per_atom_energy_mean"} <= set(module.get_statistics("train"))


def test_the_order_of_frames_depends_on_the_seed_and_continues(rmd17):
    """What `ResumedShuffling` relies on: the generator's state tells the epochs still to come."""
    module = data_module(rmd17, batch_size=15)

    def epoch(module):
        (batch,) = list(module.train_dataloader())
        return batch["total_energy"].ravel().tolist()

    first, state = epoch(module), module.state_dict()
    second = epoch(module)
    assert first != second
    assert sorted(first) == sorted(second)
    resumed = data_module(rmd17, batch_size=15)
    resumed.train_generator.set_state(state["train_generator_state"])
    assert epoch(resumed) == second


def test_the_test_split_is_there_too(rmd17):
    module = data_module(rmd17)
    module.setup("test")
    assert len(module.test_dataset[0]) == 20
    assert len(module.test_dataset[0][2:5]) == 3
