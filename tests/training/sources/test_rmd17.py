import ase.units
import numpy as np
import pytest

from tests.training.sources.public_files import harmonic, write_rmd17, write_rmd17_split
from training.errors import TrainingError
from training.sources.rmd17 import KCAL_PER_MOL, RMD17Source


@pytest.fixture
def archive(tmp_path):
    """Folder as unpacked, and the arrays in it."""
    return tmp_path, write_rmd17(tmp_path)


def source_of(folder, **arguments):
    return RMD17Source(folder, "benzene", **{"n_train": 15, "n_val": 5, **arguments})


def test_the_unit_is_the_one_of_codata():
    """4184 J over Avogadro's number, in eV; ASE's constants are those of 2014."""
    assert pytest.approx(4184 / 6.02214076e23 / 1.602176634e-19, rel=1e-15) == KCAL_PER_MOL
    assert pytest.approx(ase.units.kcal / ase.units.mol, rel=1e-7) == KCAL_PER_MOL


def test_the_official_indices_are_taken_in_their_order(archive):
    folder, arrays = archive
    source = source_of(folder)
    train = np.loadtxt(folder / "splits" / "index_train_01.csv", dtype=int)
    test = np.loadtxt(folder / "splits" / "index_test_01.csv", dtype=int)
    for split, indices in (("train", train[:15]), ("val", train[15:]), ("test", test)):
        found = source.arrays(split)
        assert source.n_frames(split) == len(found) == len(indices)
        np.testing.assert_array_equal(found.index, arrays["old_indices"][indices])
        np.testing.assert_array_equal(found.positions.reshape(-1, 3, 3), arrays["coords"][indices])
        np.testing.assert_allclose(
            found.energies, arrays["energies"][indices] * 0.0433641, rtol=2e-7
        )
        np.testing.assert_allclose(
            found.forces.reshape(-1, 3, 3), arrays["forces"][indices] * 0.0433641, rtol=2e-7
        )
    assert source.symbols == ("H", "O")


def test_forces_are_minus_the_slope_of_the_energy(tmp_path):
    write_rmd17(tmp_path)
    frame = next(source_of(tmp_path).frames("train"))
    h = 1e-5
    moved = [
        frame.positions + sign * h * np.eye(3)[[0, 2, 2]] * [[1], [0], [0]] for sign in (1, -1)
    ]
    slope = (harmonic(moved[0])[0] - harmonic(moved[1])[0]) / (2 * h) * KCAL_PER_MOL
    assert frame.forces[0, 0] == pytest.approx(-slope, rel=1e-6)


def test_all_layouts_give_the_same_frames(archive, tmp_path_factory):
    folder, _ = archive
    nested, alone = tmp_path_factory.mktemp("nested"), tmp_path_factory.mktemp("alone")
    write_rmd17(nested / "rmd17")
    write_rmd17_split(alone, folder)
    hashes = source_of(folder).verified_hashes(stress=False)
    assert source_of(nested).verified_hashes(stress=False) == hashes
    assert source_of(alone).verified_hashes(stress=False) == hashes
    assert source_of(folder, n_train=14).verified_hashes(stress=False) != hashes


def test_frames_are_isolated_molecules(archive):
    folder, _ = archive
    frames = list(source_of(folder).frames("test"))
    assert len(frames) == 20
    assert not any(frames[0].pbc)
    assert frames[0].stress is None
    assert frames[0].numbers.tolist() == [8, 1, 1]


def test_what_the_trainer_needs(archive):
    folder, _ = archive
    source = source_of(folder)
    data = source.training_data(stress=False)
    assert data.n_train == 15
    assert data.has_forces
    per_molecule = data.atomic_energies["O"] + 2 * data.atomic_energies["H"]
    assert per_molecule == pytest.approx(source.arrays("train").energies.mean(), abs=1e-5)


def test_too_many_frames_are_refused(archive):
    folder, _ = archive
    with pytest.raises(TrainingError, match=r"n_train \+ n_val = 21.* 20 configurations"):
        source_of(folder, n_train=16).verified_hashes(stress=False)


def test_molecules_have_no_stress(archive):
    folder, _ = archive
    with pytest.raises(TrainingError, match="stress_weight: 0"):
        source_of(folder).verified_hashes(stress=True)


def test_missing_files_say_where_to_get_them(tmp_path):
    with pytest.raises(TrainingError) as raised:
        source_of(tmp_path, split=3).verified_hashes(stress=False)
    message = str(raised.value)
    assert f"cuprolith download rmd17 --to {tmp_path}" in message
    assert "rmd17_benzene_train_03.npz" in message
    assert "10.6084/m9.figshare.12672038" in message


def test_pickles_and_broken_files_are_refused(archive):
    folder, arrays = archive
    path = folder / "npz_data" / "rmd17_benzene.npz"
    np.savez(path, **{**arrays, "energies": arrays["energies"].astype(object)})
    with pytest.raises(TrainingError, match="not a file of rMD17"):
        source_of(folder).verified_hashes(stress=False)
    path.write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(TrainingError, match="not a file of rMD17"):
        source_of(folder).verified_hashes(stress=False)
