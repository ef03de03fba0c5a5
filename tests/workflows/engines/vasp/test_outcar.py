"""OUTCAR against ASE's and pymatgen's readers, against vasprun.xml, and cut anywhere."""

import re
from itertools import zip_longest

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.constraints import FixAtoms
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymatgen.io.vasp.outputs import Outcar
from vasp_files import outcar, random_run, write_run

from workflows.engines.vasp.fingerprint import run_fingerprint
from workflows.engines.vasp.outcar import count_runs, read_outcar
from workflows.engines.vasp.vasprun import VaspOutputError, read_run


@pytest.mark.parametrize("name", ["OUTCAR", "OUTCAR.gz"])
def test_agrees_with_ase_and_pymatgen(tmp_path, name):
    run = random_run(4)
    path = write_run(tmp_path, run, name)
    ours = read_outcar(path)
    steps = list(ours.steps)
    assert ours.complete
    images = ase.io.read(write_run(tmp_path, run, "OUTCAR"), index=":", format="vasp-out")
    assert len(steps) == len(images) == 4
    for step, atoms in zip(steps, images, strict=True):
        assert atoms.numbers.tolist() == ours.numbers.tolist()
        np.testing.assert_allclose(step.positions, atoms.positions, atol=1e-8)
        np.testing.assert_allclose(step.cell, atoms.cell, atol=1e-8)
        np.testing.assert_allclose(step.forces, atoms.get_forces(), atol=1e-8)
        np.testing.assert_allclose(step.stress, atoms.get_stress(voigt=False), atol=1e-8)
        free = atoms.get_potential_energy(force_consistent=True)
        assert step.energy == pytest.approx(free, abs=1e-8)
        assert step.energy_sigma0 == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
    tables = Outcar(path).read_table_pattern(
        header_pattern=r"\sPOSITION\s+TOTAL-FORCE \(eV/Angst\)\n\s-+",
        row_pattern=r"\s+" + r"\s+".join([r"([+-]?\d+\.\d+)"] * 6),
        footer_pattern=r"\s--+",
        postprocess=float,
        last_one_only=False,
    )
    theirs = [np.array(table)[:, 3:] for table in tables]
    np.testing.assert_allclose([step.forces for step in steps], theirs, atol=1e-8)


def test_says_what_vasprun_says(tmp_path):
    run = random_run(3, parameters={"NELM": 5})
    run.steps[1].n_scf = 5
    write_run(tmp_path / "a", run)
    write_run(tmp_path / "b", run, "OUTCAR")
    xml, out = read_run(tmp_path / "a"), read_run(tmp_path / "b")
    assert (xml.source, out.source) == ("vasprun.xml", "OUTCAR")
    assert out.numbers.tolist() == xml.numbers.tolist()
    assert (out.kpoints, out.potcar_titles) == (xml.kpoints, xml.potcar_titles)
    assert out.vasp_version == xml.vasp_version
    np.testing.assert_allclose(out.positions, xml.positions, atol=1e-7)
    np.testing.assert_allclose(out.cell, xml.cell, atol=1e-7)
    for ours, true in zip(out.steps, xml.steps, strict=True):
        assert (ours.n_scf, ours.scf_converged) == (true.n_scf, true.scf_converged)
        assert (ours.energy, ours.energy_sigma0) == (true.energy, true.energy_sigma0)
        np.testing.assert_allclose(ours.positions, true.positions, atol=6e-6)
        np.testing.assert_allclose(ours.forces, true.forces, atol=6e-7)
        np.testing.assert_allclose(ours.stress, true.stress, atol=1e-8)


def test_used_when_vasprun_is_missing_damaged_or_without_a_step(tmp_path):
    run = random_run(2)
    write_run(tmp_path, run, "OUTCAR.gz")
    for damaged in (b"", b"<modeling>\x00", b"<?xml version='1.0'?><modeling></modeling>"):
        (tmp_path / "vasprun.xml").write_bytes(damaged)
        assert read_run(tmp_path).source == "OUTCAR"


def test_settings_and_fixed_atoms_come_from_the_files_beside(tmp_path):
    run = random_run(1, mesh=())
    write_run(tmp_path, run, "OUTCAR.relax1")
    assert read_run(tmp_path, ".relax1").kpoints is None
    (tmp_path / "KPOINTS").write_text("mesh\n0\nGamma\n9 9 1\n0 0 0\n")
    (tmp_path / "INCAR.relax1").write_text("METAGGA = R2SCAN\nLREAL = Auto\n")
    atoms = Atoms(run.numbers, run.steps[0].positions, cell=run.steps[0].cell, pbc=True)
    atoms.set_constraint(FixAtoms([0, 1]))
    ase.io.write(tmp_path / "POSCAR.relax1", atoms, format="vasp")
    ours = read_run(tmp_path, ".relax1")
    assert ours.free_mask.tolist() == [False, False, True, True, True, True]
    assert ours.incar["METAGGA"].upper() == "R2SCAN"
    assert ours.incar["LREAL"] == "Auto"
    assert ours.kpoints == (9, 9, 1)
    assert (ours.incar["ENCUT"], ours.incar["SIGMA"], ours.nelm) == (520.0, 0.2, 60)


def test_overflow_and_touching_columns(tmp_path):
    run = random_run(2)
    text = outcar(run).decode()
    row = next(i for i, line in enumerate(text.splitlines()) if "TOTAL-FORCE" in line) + 2
    lines = text.splitlines()
    lines[row] = "      1.00000      2.00000      3.00000    -100.000001-2000.000002**************"
    (tmp_path / "OUTCAR").write_text("\n".join(lines) + "\n")
    first, second = read_run(tmp_path).steps
    np.testing.assert_array_equal(first.forces[0], [-100.000001, -2000.000002, np.nan])
    assert np.isfinite(second.forces).all()


def line_after(lines, title, n):
    return next(i for i, line in enumerate(lines) if title in line) + n


def test_overflow_of_columns_that_touch_costs_one_step(tmp_path):
    lines = outcar(random_run(3)).decode().splitlines()
    row = line_after(lines, "TOTAL-FORCE", 2)
    lines[row] = lines[row][:39] + "   " + "*" * 42
    second = line_after(lines[row:], "  in kB", 0) + row
    lines[second] = "  in kB  " + "*" * 24 + "  91234.12345  0.10000  0.20000  0.30000"
    (tmp_path / "OUTCAR").write_text("\n".join(lines) + "\n")
    steps = list(read_run(tmp_path).steps)
    assert np.isfinite(steps[0].positions).all()
    assert [np.isfinite(step.forces).all() for step in steps] == [False, True, True]
    assert [np.isfinite(step.stress).any() for step in steps] == [True, False, True]


@pytest.mark.parametrize("chunk", [50, 1 << 18])
def test_runs_joined_to_one_file_are_read_one_by_one(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr("workflows.engines.vasp.output_streams._CHUNK", chunk)
    runs = [random_run(2, seed=1), random_run(3, seed=2, n_atoms=4), random_run(1, seed=3)]
    texts = [outcar(run) for run in runs]
    texts[0] = texts[0][:-30]  # killed in the middle of a line
    (tmp_path / "OUTCAR").write_bytes(b"".join(texts))
    assert count_runs(tmp_path / "OUTCAR") == 3
    for part, run in enumerate(runs):
        ours = read_run(tmp_path, part=part)
        assert ours.numbers.tolist() == run.numbers.tolist()
        assert [step.energy for step in ours.steps] == [step.free for step in run.steps]
        assert ours.complete == (part > 0)


@pytest.mark.parametrize("by", [r"(?=-{39} Iteration)", r"(?=-{39} Iteration *\d+\(   1\))"])
def test_images_that_write_to_one_file_are_refused(tmp_path, by):
    """Whether they take turns after an electronic step or an ionic one."""
    (head, *first), (_, *second) = (
        re.split(by, outcar(random_run(3, seed=seed)).decode()) for seed in (1, 2)
    )
    pairs = zip_longest(first, second, fillvalue="")
    (tmp_path / "OUTCAR").write_text(head + "".join(a + b for a, b in pairs))
    with pytest.raises(VaspOutputError, match="images of an elastic band"):
        list(read_run(tmp_path).steps)


def test_electronic_steps_of_a_linear_response_are_not_the_labels(tmp_path):
    run = random_run(2)
    first, second = outcar(run).decode().split("Iteration      2(   1)")
    response = "".join(f"---- Iteration      1({i:4d})  ----\n" for i in range(1, 80))
    end = first.rindex("-" * 39)
    text = f"{first[:end]}{response}{first[end:]}Iteration      2(   1){second}"
    (tmp_path / "OUTCAR").write_text(text)
    steps = list(read_run(tmp_path).steps)
    assert [step.n_scf for step in steps] == [step.n_scf for step in run.steps]


def test_plus_u_and_the_functional_are_read_where_there_is_no_incar(tmp_path):
    text = outcar(random_run(1, incar={})).decode()
    listed = (
        " Startparameter for this run:\n"
        " LDA+U is selected, type is set to LDAUTYPE =  2\n"
        "   angular momentum for each species LDAUL =    -1    2\n"
        "   U (eV)           for each species LDAUU =   0.0  3.2\n"
        "   J (eV)           for each species LDAUJ =   0.0  0.0\n"
        "  METAGGA = R2SCAN                     LMAXTAU =  6    LMIXTAU =  T\n"
        "   IVDW    =     12    LEXCH   =     8\n"
    )
    text = text.replace(" Startparameter for this run:\n", listed)
    (tmp_path / "OUTCAR").write_text(text.replace("   METAGGA=      F", "   LMETA  =      F"))
    found = run_fingerprint(read_run(tmp_path), None)
    assert found.functional == "r2SCAN+IVDW12+U"
    assert sorted(found.hubbard.values()) == ["U-J=3.2 eV on d", "none"]


def test_a_spoilt_line_is_an_error_after_the_steps_before_it(tmp_path):
    text = outcar(random_run(3))
    place = text.rindex(b"  in kB ")
    (tmp_path / "OUTCAR").write_bytes(text[:place] + b"  in kB  1.0 2.0 x\n" + text[place + 80 :])
    steps = read_run(tmp_path).steps
    next(steps), next(steps)
    with pytest.raises(VaspOutputError, match="a line is not VASP's"):
        next(steps)


@pytest.mark.parametrize("beside", ["KPOINTS", "INCAR"])
def test_a_spoilt_file_beside_is_no_crash(tmp_path, beside):
    write_run(tmp_path, random_run(1, mesh=()), "OUTCAR")
    (tmp_path / beside).write_bytes(b"\x00\xff nonsense\n=\n")
    try:
        assert len(list(read_run(tmp_path).steps)) == 1
    except VaspOutputError as error:
        assert "the head is not VASP's" in error.message


RUN = random_run(4)
TEXT = outcar(RUN)
LAST_LINE = b"energy  without entropy="


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(cut=st.integers(0, len(TEXT)))
def test_cut_anywhere_all_complete_steps_remain(tmp_path, cut):
    (tmp_path / "OUTCAR").write_bytes(TEXT[:cut])
    lines = TEXT[:cut].split(b"\n")[:-1]
    expected = sum(LAST_LINE in line for line in lines)
    try:
        run = read_outcar(tmp_path / "OUTCAR")
        steps = list(run.steps)
        assert run.complete == any(b"General timing" in line for line in lines)
    except VaspOutputError:
        assert not any(b"Iteration" in line for line in lines)
        steps = []
    assert len(steps) == expected
    for step, true in zip(steps, RUN.steps, strict=False):
        assert (step.energy, step.energy_sigma0) == (true.free, true.sigma0)
        np.testing.assert_allclose(step.forces, true.forces, atol=6e-7)
