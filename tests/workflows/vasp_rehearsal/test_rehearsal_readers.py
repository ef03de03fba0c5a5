"""What pymatgen and ASE read from a rehearsal is what the potential says."""

import ase.io
import numpy as np
import pytest
from ase.calculators.calculator import PropertyNotImplementedError
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.vasp import Oszicar, Outcar, Poscar
from rehearsal_runs import INCAR, MD

from workflows.engines.vasp.fingerprint import drifted, run_fingerprint, settings_fingerprint
from workflows.engines.vasp.vasprun import read_run
from workflows.vasp_rehearsal import NAME
from workflows.vasp_rehearsal.potentials import MorsePairs

KBAR = 1602.176634


def labels(structure):
    """Energy, forces and stress (kbar, VASP's sign) of the potential for a structure."""
    atoms = AseAtomsAdaptor.get_atoms(structure)
    atoms.set_constraint()
    atoms.calc = MorsePairs()
    stress = -atoms.get_stress(voigt=False) * KBAR
    return atoms.get_potential_energy(), atoms.get_forces(), stress


@pytest.mark.parametrize(
    "tags",
    [
        {"NSW": 0, "IBRION": -1},
        {"NSW": 6, "IBRION": 2, "EDIFFG": -0.001, "ISPIN": 2},
        MD | {"NSW": 6},
    ],
    ids=["static", "relax with spin", "MD"],
)
def test_vasprun_holds_the_labels_of_every_step(make_run, tags):
    run = make_run(**tags)
    run.here()
    vasprun = run.vasprun()
    assert len(vasprun.ionic_steps) == max(tags["NSW"], 1)
    for step in vasprun.ionic_steps:
        energy, forces, stress = labels(step["structure"])
        # Positions are printed with eight decimals, so the labels of the file are those of
        # positions up to 4e-8 Å away.
        assert step["e_fr_energy"] == pytest.approx(energy, abs=1e-6)
        np.testing.assert_allclose(step["forces"], forces, atol=1e-6)
        np.testing.assert_allclose(step["stress"], stress, atol=1e-3)
    assert vasprun.converged_electronic
    assert vasprun.run_type == "R2SCAN"
    assert vasprun.potcar_symbols == ["PAW_PBE Li_sv 10Sep2004", "PAW_PBE Cu_pv 06Sep2000"]
    assert NAME in vasprun.generator["SUBVERSION"].lower()


def test_settings_read_back_are_those_of_incar(make_run):
    run = make_run(**MD, NSW=1)
    run.here()
    expected = settings_fingerprint(INCAR | MD, run.vasprun().potcar_symbols, 32.0)
    (run / "INCAR").unlink()
    from_xml = run_fingerprint(read_run(run.directory), 32.0)
    (run / "vasprun.xml").unlink()
    from_outcar = run_fingerprint(read_run(run.directory), 32.0)
    assert drifted(expected, from_xml) == drifted(expected, from_outcar) == []


def test_outcar_and_oszicar_agree_with_vasprun(make_run):
    run = make_run(**MD, NSW=5)
    run.here()
    vasprun = run.vasprun()
    outcar, oszicar = Outcar(run / "OUTCAR"), Oszicar(run / "OSZICAR")
    final = vasprun.ionic_steps[-1]
    assert outcar.final_fr_energy == final["e_fr_energy"]
    assert outcar.final_energy == final["e_0_energy"] == vasprun.final_energy
    assert outcar.nelect == vasprun.parameters["NELECT"] == 3 * 3 + 5 * 17
    assert (run / "OUTCAR").read_text().splitlines()[0].strip().startswith(NAME)
    for from_oszicar, step in zip(oszicar.ionic_steps, vasprun.ionic_steps, strict=True):
        assert from_oszicar["F"] == pytest.approx(step["e_fr_energy"], abs=1e-6)
        assert from_oszicar["EK"] == pytest.approx(step["kinetic"], rel=1e-4)
    assert [len(steps) for steps in oszicar.electronic_steps] == [
        len(step["electronic_steps"]) for step in vasprun.ionic_steps
    ]


@pytest.mark.parametrize("name", ["vasprun.xml", "OUTCAR"])
def test_ase_reads_every_step_with_its_constraints(make_run, some_fixed, name):
    run = make_run(free=some_fixed, IBRION=1, NSW=4, EDIFFG=-1e-4)
    run.here()
    images = ase.io.read(run / name, index=":")
    reference = run.vasprun()
    assert len(images) == len(reference.ionic_steps) == 4
    for image, step in zip(images, reference.ionic_steps, strict=True):
        free_energy = image.get_potential_energy(force_consistent=True)
        assert free_energy == pytest.approx(step["e_fr_energy"], abs=1e-8)
        assert image.get_potential_energy() == pytest.approx(step["e_0_energy"], abs=1e-8)
        forces = image.get_forces(apply_constraint=False)
        np.testing.assert_allclose(forces, step["forces"], atol=1e-6)
        stress = -image.get_stress(voigt=False) * KBAR
        np.testing.assert_allclose(stress, step["stress"], atol=1e-4)
    # flags are written for the run, so ASE sees two fixed atoms and one that moves on a line
    assert sorted(len(c.index) for c in images[0].constraints) == [1, 2]


def test_electronic_steps_fall_below_ediff_and_end_in_the_label(make_run):
    run = make_run(NSW=3, IBRION=1, EDIFFG=-1e-4)
    run.here()
    for step in run.vasprun().ionic_steps:
        energies = [electronic["e_fr_energy"] for electronic in step["electronic_steps"]]
        assert 4 <= len(energies) < 60
        assert abs(energies[-1] - energies[-2]) < 1e-5
        assert energies[-1] == step["e_fr_energy"]


def test_without_stress_in_md_when_isif_is_zero(make_run):
    run = make_run(**MD, NSW=2)
    run.write_incar(MD | {"NSW": 2, "ISIF": 0})
    run.here()
    assert "stress" not in run.vasprun().ionic_steps[0]
    with pytest.raises(PropertyNotImplementedError):
        ase.io.read(run / "OUTCAR").get_stress()


def test_selective_dynamics_survive_in_contcar_and_vasprun(make_run, some_fixed):
    run = make_run(free=some_fixed, NSW=0, IBRION=-1)
    run.here()
    contcar = Poscar.from_file(run / "CONTCAR", check_for_potcar=False)
    vasprun = run.vasprun()
    written = vasprun.final_structure.site_properties["selective_dynamics"]
    for flags in (contcar.selective_dynamics, written):
        np.testing.assert_array_equal(np.asarray(flags), some_fixed)
