import json
import shutil

import pytest
from ase import Atoms
from ase.build import bulk
from frame_samples import emt_frame

from training.dataset.builder import build_dataset
from training.errors import TrainingError
from training.nequip_runs.trainer import train
from training.nequip_runs.training_checks import check_elements, check_neighbours, training_warnings
from training.settings import DatasetSettings, SplitSettings
from training.sources.dataset import DatasetSource
from training.variants.allegro import AllegroSettings, AllegroTraining

SETTINGS = AllegroTraining()


def cutoff(r_max):
    return AllegroTraining(model=AllegroSettings(r_max=r_max))


@pytest.fixture(scope="module")
def crystals(tmp_path_factory):
    """Dataset of crystals of 4 Å to 5.5 Å, and of an isolated atom."""
    folder = tmp_path_factory.mktemp("crystals")
    runs = []
    for number in range(7):
        atoms = bulk("Cu", "fcc", a=4.0 + 0.25 * number, cubic=True)
        atoms.rattle(0.05, seed=number)
        name = f"bulk-{number}"
        runs.append([emt_frame(atoms, structure_id=name, trajectory_id=name)])
    atom = emt_frame(Atoms("Cu", cell=[12] * 3, pbc=True), structure_id="a", trajectory_id="a")
    build_dataset(
        [*runs, [atom]], DatasetSettings(split=SplitSettings(val=0.2, test=0.2)), folder, 0
    )
    return folder


@pytest.mark.parametrize("split", ["val", "test"])
def test_an_element_that_is_only_held_out_is_refused(split, emt_dataset, tmp_path):
    """As an earlier version could split a dataset."""
    shutil.copytree(emt_dataset, tmp_path / "dataset")
    card = json.loads((emt_dataset / "dataset.json").read_text())
    card["splits"][split]["systems"] = {"Li-O": 1}
    (tmp_path / "dataset" / "dataset.json").write_text(json.dumps(card))
    source = DatasetSource(tmp_path / "dataset")
    with pytest.raises(TrainingError, match=rf"Li, O: in .*{split}\.extxyz.*train\.extxyz.*Split"):
        train(SETTINGS, source, tmp_path / "allegro", 0)
    assert not (tmp_path / "allegro").exists()


def test_atomic_energies_must_be_of_all_elements(emt_dataset):
    source = DatasetSource(emt_dataset)
    given = SETTINGS.model_copy(update={"atomic_energies": {"Cu": -1.0}})
    with pytest.raises(TrainingError, match=r"`atomic_energies` lacks Al, .* of none"):
        check_elements(given, source)
    check_elements(given.model_copy(update={"atomic_energies": {"Cu": 0.0, "Al": 0.0}}), source)


@pytest.mark.parametrize("energies", [{"Xx": 1.0}, {"X": 1.0}, {"Cu": float("nan")}])
def test_atomic_energies_are_numbers_of_elements(energies):
    with pytest.raises(ValueError, match=r"not an element|finite"):
        AllegroTraining(atomic_energies=energies)


def test_a_cutoff_within_which_nobody_has_a_neighbour_is_refused(crystals, tmp_path):
    source = DatasetSource(crystals)
    with pytest.raises(TrainingError, match=r"r_max = 2 Å in any frame of .*train\.extxyz.*raise"):
        train(cutoff(2.0), source, tmp_path / "allegro", 0)
    assert not (tmp_path / "allegro").exists()
    check_neighbours(cutoff(3.2), source)


def test_frames_without_a_neighbour_are_counted_at_the_start(crystals):
    """The isolated atom is none of them: it is there for its energy."""
    source = DatasetSource(crystals)
    shortest = [
        min(d for d in frame.to_atoms().get_all_distances(mic=True).ravel() if d > 0)
        for frame in source.frames("train")
        if len(frame) > 1
    ]
    for r_max in (3.0, 3.4, 3.6):
        n = sum(distance > r_max for distance in shortest)
        warnings = training_warnings(cutoff(r_max), source)
        assert n > 0
        assert [w for w in warnings if f"in {n} of {source.n_frames('train')}" in w], r_max
    assert training_warnings(cutoff(5.0), source) == list(source.warnings)
