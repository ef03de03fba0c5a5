import numpy as np
import pytest
import torch
import yaml
from ase import Atoms
from ase.build import bulk
from frame_samples import emt_frame
from hydra.utils import instantiate
from lightning.pytorch.callbacks import ModelCheckpoint
from nequip.data import AtomicDataDict, from_ase
from nequip.train import EMALightningModule
from nequip.utils.dtype import torch_default_dtype
from nequip.utils.global_state import set_global_state
from omegaconf import OmegaConf

from training.dataset.atomic_energies import fit_atomic_energies
from training.dataset.builder import load_card
from training.dataset.extxyz import read_frames, write_frames
from training.nequip_runs.nequip_config import BEST_CHECKPOINT, LAST_CHECKPOINT, nequip_config
from training.source import TrainingData
from training.sources.dataset import DatasetSource
from training.variants.allegro import AllegroSettings, AllegroTraining

ENERGIES = {"Al": 0.25, "Cu": -0.125}


@pytest.fixture(scope="module", autouse=True)
def nequip_state():
    """NequIP's default dtype, for these tests only."""
    with torch_default_dtype(torch.float64):
        set_global_state()
        yield


def config_for(folder, settings=None, n_train=100, seed=3, **fields):
    module = {
        "_target_": "nequip.data.datamodule.ASEDataModule",
        "train_file_path": str(folder / "train.extxyz"),
        "val_file_path": str(folder / "val.extxyz"),
        "exclude_keys": ["stress"],
    }
    data = TrainingData(module, ("Al", "Cu"), ENERGIES, n_train, **fields)
    return nequip_config(settings or AllegroTraining(), data, seed)


def statistics(data_module):
    stats = data_module.get_statistics("train")
    OmegaConf.register_new_resolver("training_data_stats", stats.get, replace=True)
    return stats


def built(config):
    """Data module, its statistics, and training module, as nequip-train builds them."""
    data = instantiate(config["data"], _recursive_=False)
    stats = statistics(data)
    resolved = OmegaConf.to_container(OmegaConf.create(config), resolve=True)
    module = instantiate(
        resolved["training_module"],
        _recursive_=False,
        _convert_="all",
        num_datasets=data.num_datasets,
    )
    return data, stats, module


@pytest.fixture(scope="module")
def emt_module(emt_dataset):
    settings = AllegroTraining(
        model=AllegroSettings(r_max=4.25, num_scalar_features=8, num_tensor_features=2),
        energy_weight=1.0,
        force_weight=3.0,
        dtype="float64",
        ema_decay=0.95,
    )
    return built(config_for(emt_dataset, settings))


def test_survives_yaml(tmp_path):
    config = config_for(tmp_path, AllegroTraining(max_time="00:00:03:30"))
    assert yaml.safe_load(yaml.safe_dump(config)) == config


def test_is_a_pure_function_of_its_arguments(tmp_path):
    assert config_for(tmp_path) == config_for(tmp_path)
    assert config_for(tmp_path, seed=4) != config_for(tmp_path, seed=3)


@pytest.mark.parametrize(
    ("n_train", "devices", "steps"),
    [(100, 1, 40 * 20), (101, 1, 40 * 21), (1, 1, 40), (100, 2, 40 * 10), (101, 2, 40 * 11)],
)
def test_the_learning_rate_falls_over_all_steps(tmp_path, n_train, devices, steps):
    settings = AllegroTraining(max_epochs=40, batch_size=5, devices=devices)
    config = config_for(tmp_path, settings, n_train=n_train)
    scheduler = config["training_module"]["lr_scheduler"]
    assert scheduler["interval"] == "step"
    assert scheduler["scheduler"]["T_max"] == steps


def test_the_trainer_is_built_with_one_name_per_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trainer = instantiate(config_for(tmp_path)["trainer"], inference_mode=False)
    checkpoints = [c for c in trainer.callbacks if isinstance(c, ModelCheckpoint)]
    assert [c.format_checkpoint_name({}) for c in checkpoints] == [
        str(tmp_path / BEST_CHECKPOINT),
        str(tmp_path / LAST_CHECKPOINT),
    ]
    assert trainer.max_epochs == AllegroTraining().max_epochs


def test_nequip_accepts_it(emt_module, emt_dataset):
    data, stats, module = emt_module
    assert isinstance(module, EMALightningModule)
    assert module.ema.decay == 0.95
    data.setup("fit")
    assert len(data.train_dataset[0]) == load_card(emt_dataset).splits["train"].frames
    forces = np.concatenate([f.forces for f in read_frames(emt_dataset / "train.extxyz")])
    assert stats["forces_rms"] == pytest.approx(np.sqrt((forces**2).mean()))


def test_settings_reach_the_model(emt_module):
    _, stats, module = emt_module
    model = module.model["sole_model"]
    assert float(model.metadata["r_max"]) == 4.25
    assert model.metadata["type_names"].split() == ["Al", "Cu"]
    shift = next(m for n, m in model.named_modules() if n.endswith("energy_scale_shift"))
    assert shift.shifts.flatten().tolist() == [0.25, -0.125]
    assert shift.scales.item() == pytest.approx(stats["forces_rms"])
    coefficients = {name: entry.coeff for name, entry in module.loss.entries.items()}
    assert coefficients == {"per_atom_energy_mse": 0.25, "forces_mse": 0.75}


def test_stress_is_learnt_where_it_has_a_weight(emt_dataset):
    settings = AllegroTraining(
        model=AllegroSettings(num_scalar_features=8, num_tensor_features=2),
        stress_weight=2.0,
        dtype="float64",
    )
    source = DatasetSource(emt_dataset)
    config = nequip_config(settings, source.training_data(stress=True), seed=0)
    data, _, module = built(config)
    coefficients = {name: entry.coeff for name, entry in module.loss.entries.items()}
    assert coefficients == {"per_atom_energy_mse": 0.4, "forces_mse": 0.2, "stress_mse": 0.4}
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    frames = {frame.energy: frame for frame in source.frames("train")}
    for energy, stress in zip(batch["total_energy"].ravel(), batch["stress"], strict=True):
        np.testing.assert_allclose(stress.numpy(), frames[energy.item()].stress, atol=1e-12)
    output = module(batch)
    module.loss(output, batch)["weighted_sum"].backward()
    assert output["stress"].shape == batch["stress"].shape


def test_energies_alone_are_learnt_without_derivatives(tmp_path):
    config = config_for(
        tmp_path, AllegroTraining(energy_weight=3.0), energy_scale=0.7, has_forces=False
    )
    model = config["training_module"]["model"]
    assert model["do_derivatives"] is False
    assert model["per_type_energy_scales"] == 0.7
    assert "coeffs" not in config["training_module"]["loss"]
    assert config["training_module"]["val_metrics"]["coeffs"] == {"per_atom_energy_mae": 3.0}
    assert not config["data"]["stats_manager"]["has_forces"]


def test_sums_over_neighbours_can_be_means(emt_dataset):
    model = AllegroSettings(r_max=4.25, neighbor_normalization="mean")
    _, stats, module = built(config_for(emt_dataset, AllegroTraining(model=model)))
    n_neighbors = stats["num_neighbors_mean"]
    norms = [b for n, b in module.model.named_buffers() if n.endswith("norm_const")]
    assert norms
    for norm in norms:
        assert norm.item() == pytest.approx(1 / n_neighbors)


def test_weights_depend_on_the_seed_alone(emt_dataset):
    weights = [
        torch.cat(
            [
                p.detach().flatten()
                for p in built(config_for(emt_dataset, seed=seed))[2].model.parameters()
            ]
        )
        for seed in (3, 3, 4)
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def batch_of(data_module, structures):
    transforms = instantiate(data_module.train_dataset_config[0]["transforms"])
    frames = []
    for atoms in structures:
        frame = from_ase(atoms)
        for transform in transforms:
            frame = transform(frame)
        frames.append(frame)
    return AtomicDataDict.batched_from_list(frames)


@pytest.mark.parametrize("others", [[], [bulk("Al", "fcc", 4.05, cubic=True)]])
def test_an_atom_without_neighbours_has_its_atomic_energy_and_no_force(emt_module, others):
    data, _, module = emt_module
    alone = Atoms("Cu", cell=[15, 15, 15], pbc=True)
    output = module(batch_of(data, [alone, *others]))
    assert output["total_energy"][0].item() == pytest.approx(-0.125, abs=1e-12)
    assert output["forces"][0].abs().max().item() == 0


def test_one_atom_per_batch_can_be_trained_on(emt_module, tmp_path):
    """Frames of one atom, one per batch: losses and gradients stay finite."""
    frames = [emt_frame(bulk("Cu", a=a), structure_id=f"bulk-{a}") for a in (3.5, 3.6)]
    frames.append(emt_frame(Atoms("Al", cell=[12, 12, 12], pbc=True), structure_id="bulk-alone"))
    for split in ("train", "val"):
        write_frames(tmp_path / f"{split}.extxyz", frames)
    settings = AllegroTraining(batch_size=1, dtype="float64", model=AllegroSettings(l_max=0))
    data, _, module = built(config_for(tmp_path, settings, n_train=3))
    data.setup("fit")
    for batch in data.train_dataloader():
        assert AtomicDataDict.num_nodes(batch) == 1
        module.zero_grad()
        loss = module.loss(module(batch), batch)["weighted_sum"]
        loss.backward()
        gradients = [p.grad for p in module.model.parameters() if p.grad is not None]
        assert torch.isfinite(loss)
        assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_atomic_energies_of_a_linear_world_are_found():
    rng = np.random.default_rng(0)
    frames = []
    for step in range(20):
        n_cu, n_al = rng.integers(1, 5, 2)
        atoms = Atoms(f"Cu{n_cu}Al{n_al}", rng.random((n_cu + n_al, 3)) * 9, cell=[9] * 3, pbc=True)
        frame = emt_frame(atoms, step=step)
        object.__setattr__(frame, "energy", -3.5 * n_cu - 1.25 * n_al)
        frames.append(frame)
    assert fit_atomic_energies(iter(frames), ("Al", "Cu")) == {"Al": -1.25, "Cu": -3.5}


def test_atomic_energies_minimise_the_error_per_atom(emt_dataset):
    frames = read_frames(emt_dataset / "train.extxyz")
    energies = fit_atomic_energies(frames, ("Al", "Cu"))

    def squared_error(al, cu):
        return sum(
            (f.energy / len(f) - (al * (f.numbers == 13).mean() + cu * (f.numbers == 29).mean()))
            ** 2
            for f in frames
        )

    best = squared_error(energies["Al"], energies["Cu"])
    for step in (-1e-3, 1e-3):
        assert squared_error(energies["Al"] + step, energies["Cu"]) > best
        assert squared_error(energies["Al"], energies["Cu"] + step) > best


def test_one_composition_shares_its_energy():
    frame = emt_frame(bulk("NiAl", "cesiumchloride", 2.9))
    energies = fit_atomic_energies([frame] * 3, ("Al", "Ni"))
    assert energies["Al"] == pytest.approx(energies["Ni"])
    assert sum(energies.values()) == pytest.approx(frame.energy, abs=3e-6)
