import bz2
import lzma

import numpy as np
import pytest

from tests.training.sources.public_files import KNOWN_U0, small_molecules, write_qm9
from training.errors import TrainingError
from training.nequip_runs.training_checks import check_elements
from training.nequip_runs.training_run import training_inputs
from training.sources.qm9 import QM9Source
from training.sources.qm9 import files as qm9_files
from training.sources.qm9.files import CACHE, HARTREE, PACKED, read_qm9
from training.variants.allegro import AllegroTraining


@pytest.fixture
def folder(tmp_path):
    """Nine molecules in disorder, of which two failed the consistency check."""
    molecules = small_molecules(3)
    order = [4, 0, 8, 2, 1, 7, 3, 6, 5]
    write_qm9(tmp_path, [molecules[i] for i in order], failed=[5, 9])
    return tmp_path


def write_packed(folder, arrays):
    units = np.round(arrays.positions / 1e-5).astype("<i4").ravel()
    with lzma.open(folder / PACKED, "wb") as stream:
        np.savez(
            stream,
            index=arrays.index.astype(np.int32),
            n_atoms=arrays.n_atoms.astype(np.uint8),
            Z=arrays.numbers,
            R_1e5_planes=units.view(np.uint8).reshape(-1, 4).T,
            props=arrays.energies[:, None] / HARTREE,
        )


def test_known_energies(folder):
    arrays = read_qm9(folder)
    for molecule, (name, u0) in enumerate(KNOWN_U0.items()):
        assert arrays.energies[molecule] == pytest.approx(u0 * 27.211386, abs=2e-5), name
    assert arrays.n_atoms[:3].tolist() == [5, 4, 3]
    assert arrays.numbers[arrays.atoms_of(1)].tolist() == [7, 1, 1, 1]


def test_molecules_come_in_their_own_order_without_those_that_failed(folder):
    arrays = read_qm9(folder)
    assert arrays.index.tolist() == [1, 2, 3, 4, 6, 7, 8]
    originals = {index: atoms for index, atoms, _ in small_molecules(3)}
    for molecule, index in enumerate(arrays.index.tolist()):
        np.testing.assert_allclose(
            arrays.positions[arrays.atoms_of(molecule)], originals[index].positions, atol=1e-9
        )


def test_the_atomisation_energy_of_methane(folder):
    """-395.9996 kcal/mol in MoleculeNet's table, with 627.51 kcal/mol to the Hartree."""
    source = QM9Source(folder, n_train=4, n_val=2)
    energies = source.atomic_energies()
    methane = read_qm9(folder).energies[0] - energies["C"] - 4 * energies["H"]
    assert methane / HARTREE * 627.5095 == pytest.approx(-395.9996, abs=2e-3)


def test_the_archive_is_read_once(folder, monkeypatch):
    first = read_qm9(folder)
    monkeypatch.setattr(qm9_files, "read_archive", None)
    again = read_qm9(folder)
    assert again.sha256 == first.sha256
    np.testing.assert_array_equal(again.index, first.index)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut"])
def test_a_damaged_cache_is_made_anew(folder, damage):
    first = read_qm9(folder)
    whole = (folder / CACHE).stat().st_size
    (folder / CACHE).write_bytes(damage)
    assert read_qm9(folder).sha256 == first.sha256
    assert (folder / CACHE).stat().st_size == whole


def test_other_files_make_another_cache(folder):
    read_qm9(folder)
    write_qm9(folder, small_molecules(3), failed=[1])
    assert read_qm9(folder).index.tolist() == list(range(2, 10))


def test_a_folder_that_cannot_be_written_to_will_do(folder, monkeypatch):
    class ReadOnly:
        def __init__(self, path):
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(qm9_files, "StagedFile", ReadOnly)
    assert len(read_qm9(folder)) == 7
    assert not (folder / CACHE).exists()


def test_the_packed_file_holds_the_same_molecules(folder, tmp_path_factory):
    official = read_qm9(folder)
    other = tmp_path_factory.mktemp("packed")
    write_packed(other, official)
    packed = read_qm9(other)
    np.testing.assert_array_equal(packed.index, official.index)
    np.testing.assert_array_equal(packed.numbers, official.numbers)
    np.testing.assert_allclose(packed.positions, official.positions, atol=5.1e-6)
    np.testing.assert_allclose(packed.energies, official.energies, rtol=1e-14)


def test_an_archive_may_be_several_compressed_streams(folder):
    """As parallel compressors write it."""
    expected = read_qm9(folder).sha256
    path = folder / "dsgdb9nsd.xyz.tar.bz2"
    content = bz2.decompress(path.read_bytes())
    cut = len(content) // 3
    path.write_bytes(bz2.compress(content[:cut]) + bz2.compress(content[cut:]))
    (folder / CACHE).unlink()
    assert read_qm9(folder).sha256 == expected


def test_files_cut_short_are_refused(folder):
    path = folder / "dsgdb9nsd.xyz.tar.bz2"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TrainingError, match=r"incomplete or damaged.*download it again"):
        read_qm9(folder)
    assert not (folder / CACHE).exists()


def test_a_list_of_failures_that_does_not_fit_is_refused(folder, monkeypatch):
    monkeypatch.setattr(qm9_files, "N_MOLECULES", 9)
    with pytest.raises(TrainingError, match="leaves 7 molecules instead of 130831"):
        read_qm9(folder)


def test_missing_files_say_where_to_get_them(tmp_path):
    with pytest.raises(TrainingError) as raised:
        read_qm9(tmp_path)
    assert f"cuprolith download qm9 --to {tmp_path}" in str(raised.value)
    assert "10.6084/m9.figshare.c.978904" in str(raised.value)


def test_splits_share_nothing_and_leave_nothing_out(folder):
    source = QM9Source(folder, n_train=3, n_val=2)
    splits = [source.arrays(split).index.tolist() for split in ("train", "val", "test")]
    assert [len(split) for split in splits] == [3, 2, 2]
    assert [source.n_frames(split) for split in ("train", "val", "test")] == [3, 2, 2]
    assert sorted(index for split in splits for index in split) == [1, 2, 3, 4, 6, 7, 8]
    assert QM9Source(folder, 3, 2).arrays("val").index.tolist() == splits[1]
    others = [QM9Source(folder, 3, 2, seed).arrays("val").index.tolist() for seed in range(1, 5)]
    assert any(other != splits[1] for other in others)


def test_too_many_molecules_are_refused(folder):
    with pytest.raises(TrainingError, match=r"n_train \+ n_val = 8.* has 7"):
        QM9Source(folder, n_train=6, n_val=2).verified_hashes(stress=False)


def test_the_energy_scale_is_the_rms_per_atom_beyond_the_atoms(folder):
    source = QM9Source(folder, n_train=5, n_val=2)
    data = source.training_data(stress=False)
    assert not data.has_forces
    assert data.symbols == ("C", "H", "N", "O")
    arrays = source.arrays("train")
    symbols = {1: "H", 6: "C", 7: "N", 8: "O"}
    beyond = [
        arrays.energies[molecule]
        - sum(data.atomic_energies[symbols[z]] for z in arrays.numbers[arrays.atoms_of(molecule)])
        for molecule in range(len(arrays))
    ]
    expected = np.sqrt(np.mean((np.array(beyond) / arrays.n_atoms) ** 2))
    assert data.energy_scale == pytest.approx(expected, rel=1e-5)


def test_energies_alone_have_no_frames(folder):
    with pytest.raises(TrainingError, match="no forces"):
        next(QM9Source(folder, 4, 2).frames("test"))


def test_a_loss_that_counts_no_energies_has_nothing_to_learn_from(folder):
    with pytest.raises(TrainingError, match="energies only"):
        training_inputs(AllegroTraining(energy_weight=0), QM9Source(folder, 4, 2), seed=0)


def test_the_trainings_inputs_name_no_folder_but_the_split(folder, tmp_path_factory):
    settings = AllegroTraining()
    inputs = training_inputs(settings, QM9Source(folder, 4, 2), seed=0)
    assert str(folder) not in inputs.model_dump_json()
    assert training_inputs(settings, QM9Source(folder, 4, 2, seed=1), seed=0).hash != inputs.hash
    copy = tmp_path_factory.mktemp("copy")
    write_packed(copy, read_qm9(folder))
    same = training_inputs(settings, QM9Source(copy, 4, 2), seed=0)
    assert same.dataset != inputs.dataset  # positions are rounded
    assert same.config == inputs.config


def test_a_public_dataset_cut_too_small_is_refused(tmp_path):
    molecules = small_molecules(4)
    write_qm9(tmp_path, molecules, failed=[])
    for n_train in range(1, len(molecules) - 1):
        source = QM9Source(tmp_path, n_train=n_train, n_val=1)
        missing = (source.elements("val") | source.elements("test")) - source.elements("train")
        if missing:
            with pytest.raises(TrainingError, match="raise `n_train`"):
                check_elements(AllegroTraining(), source)
            return
    raise AssertionError("no such cut")
