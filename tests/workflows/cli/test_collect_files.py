"""`cuprolith collect --from` of files that other programs wrote."""

import ase.io
import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from typer.testing import CliRunner

from training.dataset.builder import load_card, verify_dataset
from training.dataset.extxyz import iter_frames
from training.sources.dataset import DatasetSource
from workflows.cli.main import app


@pytest.fixture
def collect(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["collect", *map(str, arguments)])


def runs(n_runs=4, n_frames=5):
    """Crystals of several metals in motion, labelled by EMT."""
    rng = np.random.default_rng(1)
    for element in ("Cu", "Al", "Ni", "Ag")[:n_runs]:
        run = []
        for _ in range(n_frames):
            atoms = bulk(element, cubic=True)
            atoms.positions += 0.08 * rng.normal(size=(4, 3))
            atoms.calc = EMT()
            results = {
                "energy": atoms.get_potential_energy(),
                "forces": atoms.get_forces(),
                "stress": atoms.get_stress(),
            }
            atoms.calc = SinglePointCalculator(atoms, **results)
            run.append(atoms)
        yield element, run


def test_a_folder_of_several_formats_becomes_a_dataset(collect, tmp_path):
    """Equal labels whatever the format; a bad frame is set aside; the card says how units fared."""
    folder = tmp_path / "mine" / "deeper"
    folder.mkdir(parents=True)
    expected = {}
    for (element, run), ending in zip(runs(), ("xyz", "traj", "db", "extxyz.gz"), strict=True):
        if element == "Ni":
            run[3].calc.results["forces"][0] = 80.0
        ase.io.write(folder / f"{element}.{ending}", run)
        expected[element] = run
    (folder / "notes.json").write_text("{}")
    atom = Atoms("Cu", cell=[5, 5, 5], pbc=True, info={"config_type": "IsolatedAtom"})
    atom.calc = SinglePointCalculator(atom, energy=3.5, forces=np.zeros((1, 3)))
    ase.io.write(folder.parent / "atoms.xyz", atom)

    result = collect("--from", "mine", "--out", "dataset")
    assert result.exit_code == 0, result.output
    assert "times the work of the forces" in " ".join(result.output.split())
    verify_dataset(tmp_path / "dataset")
    card = load_card(tmp_path / "dataset")
    assert card.frames.seen == 21
    assert card.quarantine.reasons == {"force too large": 1}
    assert card.label_checks["stresses"].startswith("not checked")
    assert card.families == {"IsolatedAtom": 1, "unknown": 19}
    frames = [
        frame
        for split in card.splits.values()
        for frame in iter_frames(tmp_path / "dataset" / split.file)
    ]
    for frame in frames:
        if len(frame) == 1:
            assert (frame.pbc, frame.energy) == ((False, False, False), 3.5)
            continue
        true = expected[frame.system][frame.step]
        assert frame.energy == pytest.approx(true.calc.results["energy"], abs=1e-7)
        np.testing.assert_allclose(frame.forces, true.calc.results["forces"], atol=1e-7)
        np.testing.assert_allclose(
            frame.stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
            true.calc.results["stress"],
            atol=1e-7,
        )
    assert DatasetSource(tmp_path / "dataset").symbols == ("Ag", "Al", "Cu", "Ni")


def test_settings_name_units(collect, tmp_path):
    run = []
    for atoms in dict(runs(1, 8))["Cu"]:
        atoms.calc.results["energy"] /= units.Hartree
        run.append(atoms)
    ase.io.write(tmp_path / "run.xyz", run)
    result = collect("--from", "run.xyz", "--out", "dataset")
    assert result.exit_code == 1
    assert "`energy_unit: Hartree` with `forces_unit: eV/Angstrom`" in " ".join(
        result.output.split()
    )
    settings = tmp_path / "labels.yaml"
    settings.write_text(
        "energy_unit: Hartree\nforces_unit: eV/Angstrom\nfunctional: EMT\n"
        "dataset: {thinning: {min_displacement: 0.01}}\n"
    )
    result = collect("--from", "run.xyz", "--out", "dataset", "--settings", settings)
    assert result.exit_code == 0, result.output
    card = load_card(tmp_path / "dataset")
    assert [source.functional for source in card.sources] == ["EMT"]
    assert card.settings.thinning.min_displacement == 0.01

    settings.write_text("energy_units: Hartree\n")
    result = collect("--from", "run.xyz", "--out", "dataset", "--settings", settings)
    assert result.exit_code == 1
    assert "energy_unit" in result.output
