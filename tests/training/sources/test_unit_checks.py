"""Units that are wrong are caught, each by the test that the card states."""

import ase.io
import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet

from training.errors import TrainingError
from training.label_settings import LabelSettings
from training.sources.extxyz.reading import read_frames
from training.sources.extxyz.unit_checks import NOT_CHECKED, check_units

KCAL = units.kcal / units.mol


def labelled(atoms):
    atoms.calc = EMT()
    return plain(atoms)


def plain(atoms):
    energy, forces = atoms.get_potential_energy(), atoms.get_forces()
    stress = atoms.get_stress(voigt=False) if atoms.pbc.all() else None
    bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    bare.info["REF_energy"] = energy - 3.5 * len(atoms)  # EMT's bulk has energy 0
    bare.arrays["REF_forces"] = forces
    if stress is not None:
        bare.info["REF_stress"] = stress
    return bare


@pytest.fixture(scope="module")
def frames():
    """Crystals of two sizes at some 1000 K, and strained ones, labelled by EMT in eV and Å."""
    rng = np.random.default_rng(3)
    crystals = []
    for size in ((1, 1, 1), (2, 1, 1)):
        atoms = bulk("Cu", cubic=True).repeat(size)
        for _ in range(8):
            moved = atoms.copy()
            moved.positions += 0.1 * rng.normal(size=moved.positions.shape)
            crystals.append(labelled(moved))
    for scale in np.linspace(0.97, 1.04, 8):
        atoms = bulk("Cu", cubic=True)
        atoms.set_cell(atoms.cell * scale, scale_atoms=True)
        crystals.append(labelled(atoms))
    return crystals


def changed(frames, *, energy=1.0, forces=1.0, stress=1.0, length=1.0, per_atom=False):
    """The same frames in other units."""
    out = []
    for atoms in frames:
        copy = atoms.copy()
        copy.set_cell(atoms.cell * length)
        copy.positions *= length
        copy.info["REF_energy"] *= energy / (len(atoms) if per_atom else 1)
        copy.arrays["REF_forces"] = atoms.arrays["REF_forces"] * forces
        copy.info["REF_stress"] = atoms.info["REF_stress"] * stress
        out.append(copy)
    return out


def checked(path, frames, **settings):
    ase.io.write(path, frames, format="extxyz")
    settings = LabelSettings(**settings)
    read = read_frames(path, settings)
    return read, check_units(read, settings, path.name)


def test_far_frames_of_a_hot_liquid_do_not_tell_units_unless_they_are_far_off(tmp_path):
    """Work by the trapezoidal rule is twice the change of the energy there."""
    atoms = bulk("Ar", a=3.56, cubic=True).repeat(2)
    atoms.calc = LennardJones(sigma=2.3, epsilon=0.05, rc=5.0, smooth=True)
    thermalize_momenta(atoms, 12000, rng=np.random.default_rng(1))
    dynamics = VelocityVerlet(atoms, 2 * units.fs)
    dynamics.run(100)
    frames = []
    for _ in range(15):
        dynamics.run(10)
        frames.append(plain(atoms))
    _, found = checked(tmp_path / "liquid.xyz", frames, energy_unit="eV")
    assert found["energies and forces"].startswith(NOT_CHECKED)
    assert "too far apart" in found["energies and forces"]
    with pytest.raises(TrainingError, match="times the work of the forces"):
        checked(tmp_path / "wrong.xyz", changed(frames, energy=1 / KCAL), energy_unit="eV")


def test_right_units_pass_every_test_that_can_be_made(tmp_path, frames):
    _, found = checked(tmp_path / "cu.xyz", frames)
    assert not any(text.startswith((NOT_CHECKED, "doubtful")) for text in found.values()), found


WRONG = [
    ({"per_atom": True}, {"energy_is": "per_atom"}, "energy_is: per_atom"),
    (
        {"energy": 1 / KCAL},
        {"energy_unit": "kcal/mol", "forces_unit": "eV/Angstrom"},
        "`energy_unit: kcal/mol` with `forces_unit: eV/Angstrom`",
    ),
    (
        {"energy": 1 / units.Hartree},
        {"energy_unit": "Hartree", "forces_unit": "eV/Angstrom"},
        "`energy_unit: Hartree` with `forces_unit: eV/Angstrom`",
    ),
    (
        {"forces": units.Bohr / units.Hartree},
        {"forces_unit": "Hartree/Bohr"},
        "`forces_unit: Hartree/Bohr`",
    ),
    (
        {"energy": 1 / KCAL, "forces": 1 / KCAL},
        {"energy_unit": "kcal/mol"},
        r"at \d+ K \(median\).*`energy_unit: kcal/mol`",
    ),
    (
        {
            "energy": 1 / units.Hartree,
            "forces": units.Bohr / units.Hartree,
            "length": 1 / units.Bohr,
            "stress": units.Bohr**3 / units.Hartree,
        },
        {"energy_unit": "Hartree", "length_unit": "Bohr", "stress_unit": "Hartree/Bohr^3"},
        "`length_unit: Bohr`",
    ),
    ({"stress": -1.0}, {"stress_sign": "compression"}, "`stress_sign: compression`"),
    ({"stress": 1 / units.GPa}, {"stress_unit": "GPa"}, "`stress_unit: GPa`"),
    (
        {"stress": -10 / units.GPa},
        {"stress_unit": "kbar", "stress_sign": "compression"},
        "`stress_unit: kbar` with `stress_sign: compression`",
    ),
]


@pytest.mark.parametrize(("change", "right", "message"), WRONG)
def test_wrong_units_are_refused_with_the_setting_and_right_ones_converted(
    tmp_path, frames, change, right, message
):
    path = tmp_path / "cu.xyz"
    with pytest.raises(TrainingError, match=message):
        checked(path, changed(frames, **change))
    truth, expected = checked(path, frames)
    read, found = checked(path, changed(frames, **change), **right)
    assert found.keys() == expected.keys()
    for frame, true in zip(read, truth, strict=True):
        assert frame.energy == pytest.approx(true.energy, abs=1e-5)
        np.testing.assert_allclose(frame.forces, true.forces, atol=1e-6)
        np.testing.assert_allclose(frame.stress, true.stress, atol=1e-6)
        np.testing.assert_allclose(frame.positions, true.positions, atol=1e-6)


def test_a_virial_that_is_called_stress(tmp_path, frames):
    copies = changed(frames)
    for atoms in copies:
        atoms.info["REF_stress"] *= -atoms.get_volume()
    with pytest.raises(TrainingError, match="`virial_key`, naming what was read as the stress"):
        checked(tmp_path / "cu.xyz", copies)
    read, _ = checked(tmp_path / "cu.xyz", copies, virial_key="REF_stress")
    np.testing.assert_allclose(read[-1].stress, frames[-1].info["REF_stress"], atol=1e-6)


def test_gradients_for_forces_are_refused(tmp_path, frames):
    with pytest.raises(TrainingError, match="these are gradients"):
        checked(tmp_path / "cu.xyz", changed(frames, forces=-1.0))


def test_energies_per_atom_of_one_size_are_told_by_the_work_of_forces(tmp_path, frames):
    """A sum over elements cannot tell them."""
    with pytest.raises(TrainingError, match=r"work of the forces.*`energy_is: per_atom`"):
        checked(tmp_path / "cu.xyz", changed(frames[:8], per_atom=True))


def test_settings_that_the_labels_contradict_are_refused(tmp_path, frames):
    with pytest.raises(TrainingError, match=r"`forces_unit: kcal/mol/Angstrom`|`energy_unit: eV`"):
        checked(tmp_path / "cu.xyz", frames, energy_unit="kcal/mol", forces_unit="eV/Angstrom")


def test_energies_of_all_electrons_tell_their_unit(tmp_path):
    """Total energies of molecules have a size that is known; stating the unit settles it."""
    water = molecule("H2O")
    water.info["energy"] = -76.4  # Hartree
    water.arrays["forces"] = np.zeros((3, 3))
    with pytest.raises(TrainingError, match=r"all electrons.*`energy_unit: Hartree`"):
        checked(tmp_path / "h2o.xyz", [water])
    (frame,), found = checked(tmp_path / "h2o.xyz", [water], energy_unit="Hartree")
    assert frame.energy == pytest.approx(-2079, rel=1e-3)
    assert "all electrons" in found["energies"]
    checked(tmp_path / "h2o.xyz", [water], energy_unit="eV")


def test_what_cannot_be_tested_is_said(tmp_path, frames):
    _, found = checked(tmp_path / "cu.xyz", frames[:1])
    for name in ("energies are total", "energies and forces", "energies", "stresses"):
        assert found[name].startswith(NOT_CHECKED)
