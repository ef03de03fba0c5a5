"""What is read beside extended XYZ, and in which units."""

import ase.io
import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io.runner.runneratoms import Units

from training.errors import TrainingError
from training.label_settings import LabelSettings
from training.sources.extxyz import ExtxyzSource
from training.sources.extxyz.files import FORMATS, label_files
from training.sources.extxyz.reading import read_frames, settings_for
from training.sources.extxyz.unit_checks import check_units


@pytest.fixture(scope="module")
def run():
    rng = np.random.default_rng(5)
    frames = []
    for _ in range(6):
        atoms = bulk("Cu", cubic=True)
        atoms.positions += 0.08 * rng.normal(size=(4, 3))
        atoms.calc = EMT()
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        frames.append(atoms)
    return frames


def input_data(path, run, output):
    """Write as RuNNer and n2p2 do, in the units that ASE has or in Hartree and Bohr."""
    length, energy = (1.0, 1.0) if output is Units.ASE else (units.Bohr, units.Hartree)
    lines = []
    for atoms in run:
        lines.append("begin")
        lines += [f"lattice {' '.join(map(repr, row))}" for row in (atoms.cell / length).tolist()]
        rows = zip(atoms.positions / length, atoms.get_forces() * length / energy, strict=True)
        for position, force in rows:
            x, y, z, fx, fy, fz = (float(value) for value in (*position, *force))
            lines.append(f"atom {x} {y} {z} Cu 0.0 0.0 {fx} {fy} {fz}")
        lines += [f"energy {atoms.get_potential_energy() / energy}", "charge 0.0", "end"]
    path.write_text("\n".join(lines) + "\n")


def test_input_data_is_in_hartree_and_bohr_unless_told(tmp_path, run):
    """Files of n2p2 are often in eV and Å: distances between atoms tell."""
    path = tmp_path / "input.data"
    input_data(path, run, Units.ATOMIC)
    (file,) = label_files(path)
    assert file.format == "runnerdata"
    settings = LabelSettings()
    frames = read_frames(path, settings)
    for frame, atoms in zip(frames, run, strict=True):
        assert frame.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
        np.testing.assert_allclose(frame.forces, atoms.get_forces(), atol=1e-9)
        np.testing.assert_allclose(frame.cell, atoms.cell.array, atol=1e-9)
    found = check_units(frames, settings_for(path, settings), "input.data")
    assert "times the work of the forces" in found["energies and forces"]

    input_data(path, run, Units.ASE)
    with pytest.raises(TrainingError, match="`length_unit: Angstrom`"):
        check_units(read_frames(path, settings), settings_for(path, settings), "input.data")
    stated = LabelSettings(length_unit="Angstrom", energy_unit="eV")
    frames = read_frames(path, stated)
    np.testing.assert_allclose(frames[2].forces, run[2].get_forces(), atol=1e-9)


def test_the_last_step_of_a_stopped_run_is_left_out(tmp_path, run, monkeypatch):
    """Only of a program's output, and only the last."""
    steps = [*run, Atoms("Cu4", run[0].positions, cell=run[0].cell, pbc=True)]
    path = tmp_path / "run.castep"
    path.write_text("castep")

    def read(*_, **__):
        return iter(steps)

    monkeypatch.setattr(ase.io, "iread", read)
    assert len(read_frames(path, LabelSettings())) == 6
    steps.append(run[0])
    with pytest.raises(TrainingError, match=r"frame 6 .*no 'energy'"):
        read_frames(path, LabelSettings())


def test_a_folder_and_a_trajectory_are_sources(tmp_path, run):
    (tmp_path / "mine").mkdir()
    ase.io.write(tmp_path / "mine" / "a.traj", run[:3])
    ase.io.write(tmp_path / "mine" / "b.xyz", run[3:])
    (tmp_path / "mine" / "notes.txt").write_text("not data")
    ase.io.write(tmp_path / "val.db", run[:2])
    source = ExtxyzSource(tmp_path / "mine", tmp_path / "val.db")
    assert (source.n_frames("train"), source.n_frames("val")) == (6, 2)
    energies = [frame.energy for frame in source.frames("train")]
    np.testing.assert_allclose(energies, [atoms.get_potential_energy() for atoms in run], atol=1e-7)


def test_other_files_are_refused_with_what_is_read(tmp_path):
    (tmp_path / "notes.txt").write_text("not data")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(TrainingError, match=FORMATS["traj"]):
            label_files(path)
