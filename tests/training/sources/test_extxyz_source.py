import gzip
import re
from pathlib import Path

import ase.io
import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from hydra.utils import instantiate
from nequip.utils.dtype import torch_default_dtype
from nequip.utils.global_state import set_global_state

from training.dataset.splits import SPLITS
from training.errors import TrainingError
from training.frame_sources.settings import open_source, source_settings
from training.label_settings import LabelSettings
from training.nequip_runs.nequip_config import nequip_config
from training.nequip_runs.training_run import training_inputs
from training.settings import SplitSettings
from training.sources.dataset import DatasetSource
from training.sources.extxyz import ExtxyzSource
from training.variants.allegro import AllegroSettings, AllegroTraining


def labelled(atoms, prefix="REF_", **info):
    """Label with EMT, under names of one's own."""
    computed = atoms.copy()
    computed.set_constraint()
    computed.calc = EMT()
    atoms.info |= {f"{prefix}energy": computed.get_potential_energy(), **info}
    atoms.arrays[f"{prefix}forces"] = computed.get_forces()
    if atoms.pbc.all():
        stress = computed.get_stress(voigt=False)
        atoms.info["virial"] = -stress * atoms.get_volume()
    return atoms


def crystals(element, a, n, **info):
    """Rattled crystals of one kind, as of one run."""
    rng = np.random.default_rng(len(element) + n)
    frames = []
    for _ in range(n):
        atoms = bulk(element, "fcc", a, cubic=True)
        atoms.positions += 0.1 * rng.normal(size=(4, 3))
        frames.append(labelled(atoms, **info))
    return frames


def write(path: Path, frames) -> Path:
    ase.io.write(path, frames, format="extxyz")
    return path


@pytest.fixture
def many(tmp_path):
    """Six runs that have nothing in common, in one file."""
    frames = []
    for i, element in enumerate(("Cu", "Cu", "Cu", "Al", "Al", "Al")):
        run = crystals(element, 3.6 if element == "Cu" else 4.05, 4 + i)
        frames += [atoms.repeat((1, 1, 1 + i % 3)) for atoms in run]
    return write(tmp_path / "all.xyz", [labelled(atoms) for atoms in frames])


def test_frames_are_those_of_the_files(tmp_path):
    train = write(tmp_path / "train.xyz", crystals("Cu", 3.6, 5, config_type="md"))
    val = write(tmp_path / "val.xyz", crystals("Cu", 3.7, 2))
    source = ExtxyzSource(train, val)
    assert [source.n_frames(split) for split in SPLITS] == [5, 2, 0]
    assert source.symbols == ("Cu",)
    assert source.warnings == ()
    read = ase.io.read(train, ":")
    for frame, atoms in zip(source.frames("train"), read, strict=True):
        assert frame.energy == atoms.info["REF_energy"]
        np.testing.assert_array_equal(frame.forces, atoms.arrays["REF_forces"])
        np.testing.assert_array_equal(frame.positions, atoms.positions)
        expected = atoms.copy()
        expected.calc = EMT()
        np.testing.assert_allclose(frame.stress, expected.get_stress(voigt=False), atol=1e-7)
        assert (frame.family, frame.pbc) == ("md", (True, True, True))


def test_parts_of_one_file_keep_runs_together(many):
    source = ExtxyzSource(many, split=SplitSettings(val=0.2, test=0.2), seed=3)
    runs = {split: {f.structure_id for f in source.frames(split)} for split in SPLITS}
    assert sum(source.n_frames(split) for split in SPLITS) == 39
    assert all(runs.values())
    assert not (runs["train"] & runs["val"] or runs["train"] & runs["test"])
    assert not runs["val"] & runs["test"]
    assert source.elements("train") == {"Cu", "Al"}
    assert source.warnings == ()
    again = ExtxyzSource(many, split=SplitSettings(val=0.2, test=0.2), seed=3)
    assert again.verified_hashes(stress=True) == source.verified_hashes(stress=False)


def test_a_test_file_beside_parts_of_one(many, tmp_path):
    test = write(tmp_path / "test.xyz", crystals("Al", 4.0, 3))
    source = ExtxyzSource(many, test=test)
    assert source.n_frames("test") == 3
    assert source.n_frames("train") + source.n_frames("val") == 39


def test_the_ends_of_a_single_run_are_held_out_with_a_warning(tmp_path):
    path = write(tmp_path / "run.xyz", crystals("Cu", 3.6, 20))
    source = ExtxyzSource(path)
    steps = [[frame.step for frame in source.frames(split)] for split in SPLITS]
    assert steps == [[*range(16)], [16, 17], [18, 19]]
    (warning,) = source.warnings
    assert "near-copies of training frames" in warning
    with pytest.raises(TrainingError, match="too few to hold some out"):
        ExtxyzSource(write(path, crystals("Cu", 3.6, 2))).n_frames("train")


def test_held_out_files_that_repeat_training_frames_are_told(tmp_path):
    """Also as a supercell."""
    frames = crystals("Cu", 3.6, 6)
    again = labelled(frames[0].repeat((2, 1, 1)))
    source = ExtxyzSource(
        write(tmp_path / "train.xyz", frames),
        write(tmp_path / "val.xyz", frames[4:]),
        write(tmp_path / "test.xyz", [*crystals("Cu", 3.7, 2), again]),
    )
    told = [warning.partition(" frames")[0] for warning in source.warnings]
    assert told == ["2 of 2", "1 of 3"]


def test_molecules_without_a_cell_slabs_and_fixed_atoms(tmp_path):
    """No `pbc` and no lattice: isolated. Forces of fixed atoms are those they feel."""
    slab = bulk("Cu", cubic=True).repeat((1, 1, 2))
    slab.pbc = (True, True, False)
    slab.cell[2, 2] = 30
    slab.set_constraint(FixAtoms([0, 1]))
    files = {
        "molecule": labelled(Atoms("Cu2", [[0, 0, 0], [0, 0, 2.3]])),
        "slab": labelled(slab),
        "flat": labelled(molecule("H2O"), prefix="dft_"),
    }
    for name, atoms in files.items():
        path = write(tmp_path / f"{name}.xyz", [atoms] * 3)
        text = path.read_text().replace(' pbc="F F F"', "").replace('Lattice="0.0', 'x="0.0')
        path.write_text(text)
        (frame, *_) = ExtxyzSource(path, path).frames("train")
        assert frame.pbc == tuple(atoms.pbc)
        prefix = "dft_" if name == "flat" else "REF_"
        np.testing.assert_allclose(frame.forces, atoms.arrays[f"{prefix}forces"], atol=1e-8)
        assert np.abs(frame.forces[:2]).max() > 0
        assert frame.stress is None


def test_packed_files_are_read(tmp_path):
    path = write(tmp_path / "run.xyz", crystals("Cu", 3.6, 4))
    packed = tmp_path / "run.xyz.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    source = ExtxyzSource(packed, packed)
    assert source.n_frames("train") == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "has no frames"),
        (lambda text: text[:-60], r"frame 3 \(from 0\), is not extended XYZ"),
        (lambda text: "{}" + text, "frame 0 .* is not extended XYZ"),
        (lambda text: text.replace("Cu ", "Qq ", 1), "frame 0 .* is not extended XYZ"),
        (lambda text: text.replace("REF_energy=", "E="), "frame 0 .*: no energy and forces"),
        (lambda text: "x".join(text.rsplit("REF_energy", 1)), r"frame 3 .*no 'REF_energy'"),
        (lambda text: re.sub(r"\nCu +\S+", r"\nCu nan", text), "frame 0 .*finite: positions"),
    ],
)
def test_files_that_are_no_such_thing(tmp_path, change, message):
    path = write(tmp_path / "run.xyz", crystals("Cu", 3.6, 4))
    path.write_text(change(path.read_text()))
    with pytest.raises(TrainingError, match=rf"run\.xyz.*{message}"):
        ExtxyzSource(path, path).n_frames("train")


def test_a_missing_file_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(TrainingError, match=r"a\.xyz does not exist.*--data \."):
        ExtxyzSource(tmp_path / "a.xyz").n_frames("train")


def test_a_stress_that_is_asked_for_and_missing_is_named(tmp_path):
    frames = crystals("Cu", 3.6, 4)
    del frames[2].info["virial"]
    source = ExtxyzSource(write(tmp_path / "run.xyz", frames), tmp_path / "run.xyz")
    source.verified_hashes(stress=False)
    with pytest.raises(TrainingError, match=r"step 2, has no stress.*nine numbers"):
        source.verified_hashes(stress=True)


def test_sections_open_it(many, tmp_path, emt_dataset):
    """Also where one's own files stand for a dataset; half a dataset of ours does not."""

    def opened(**section):
        validated = source_settings(section)
        return open_source(validated, relative_to=tmp_path)

    keys = {"energy_key": "REF_energy", "forces_key": "REF_forces", "virial_key": "virial"}
    source = opened(source="extxyz", train="all.xyz", seed=4, split={"val": 0.2}, **keys)
    assert source.labels == LabelSettings(**keys)
    again = opened(**source.settings())
    assert again.verified_hashes(stress=True) == source.verified_hashes(stress=True)
    assert isinstance(opened(source="dataset", directory="all.xyz"), ExtxyzSource)

    mine = tmp_path / "mine"
    mine.mkdir()
    for split, n in (("train", 5), ("val", 3), ("test", 2)):
        write(mine / f"{split}.extxyz", crystals("Cu", 3.6, n))
    source = opened(source="dataset", directory="mine")
    assert [source.n_frames(split) for split in SPLITS] == [5, 3, 2]
    (mine / "train.extxyz").write_bytes((emt_dataset / "train.extxyz").read_bytes())
    with pytest.raises(ValueError, match="collect the dataset first"):
        opened(source="dataset", directory="mine")
    assert isinstance(opened(source="dataset", directory=str(emt_dataset)), DatasetSource)


@pytest.mark.parametrize("stress", [False, True])
def test_the_trainer_gets_these_frames(many, stress):
    source = ExtxyzSource(many)
    settings = AllegroTraining(
        model=AllegroSettings(r_max=3.0), batch_size=3, stress_weight=float(stress)
    )
    with torch_default_dtype(torch.float64):
        set_global_state()
        config = nequip_config(settings, source.training_data(stress=stress), seed=5)
        module = instantiate(config["data"], _recursive_=False)
        module.setup("fit")
        (batch, *_) = module.val_dataloader()[0]
    frames = list(source.frames("val"))[: len(batch["total_energy"])]
    np.testing.assert_array_equal(
        batch["total_energy"].numpy().ravel(), [frame.energy for frame in frames]
    )
    np.testing.assert_array_equal(
        batch["forces"].numpy(), np.concatenate([frame.forces for frame in frames])
    )
    assert ("stress" in batch) == stress
    if stress:
        np.testing.assert_array_equal(batch["stress"].numpy(), [f.stress for f in frames])
    assert training_inputs(settings, source, 0) == training_inputs(settings, ExtxyzSource(many), 0)
