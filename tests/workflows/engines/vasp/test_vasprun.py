"""vasprun.xml against pymatgen's reader, cut anywhere, and in constant memory."""

import gzip
import tracemalloc
import zlib

import ase.io
import numpy as np
import pytest
from ase.units import GPa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymatgen.io.vasp.outputs import Vasprun
from vasp_files import calculation, random_run, vasprun_head, vasprun_tail, vasprun_xml, write_run

from workflows.engines.vasp import vasprun_xml as reader
from workflows.engines.vasp.programs import VASP, program_of_output
from workflows.engines.vasp.vasprun import VaspOutputError, read_run
from workflows.engines.vasp.vasprun_xml import read_vasprun_xml

# Bands that follow the labels within a calculation, with an <energy> look-alike.
BULK = "<eigenvalues><array><set><r>  -4.1   1.0 </r></set></array></eigenvalues>\n"


def pymatgen_steps(path):
    return Vasprun(path, parse_dos=False, parse_eigen=False, parse_potcar_file=False)


def assert_agrees(path):
    steps, peer = list(read_vasprun_xml(path).steps), pymatgen_steps(path)
    assert len(steps) == len(peer.ionic_steps) > 0
    for step, theirs in zip(steps, peer.ionic_steps, strict=True):
        assert step.energy == pytest.approx(theirs["e_fr_energy"], abs=1e-8)
        assert step.energy_sigma0 == pytest.approx(theirs["e_0_energy"], abs=1e-8)
        np.testing.assert_allclose(step.forces, theirs["forces"], atol=1e-8)
        np.testing.assert_allclose(step.positions, theirs["structure"].cart_coords, atol=1e-8)
        np.testing.assert_allclose(step.cell, theirs["structure"].lattice.matrix, atol=1e-8)
        assert step.n_scf == len(theirs["electronic_steps"])
        if step.stress is None:
            assert "stress" not in theirs
        else:
            np.testing.assert_allclose(
                step.stress, np.array(theirs["stress"]) * -0.1 * GPa, atol=1e-8
            )
    assert steps[-1].energy_sigma0 == pytest.approx(peer.final_energy, abs=1e-8)


@pytest.mark.parametrize("md", [True, False])
@pytest.mark.parametrize("name", ["vasprun.xml", "vasprun.xml.gz"])
def test_agrees_with_pymatgen_at_every_step(tmp_path, md, name):
    assert_agrees(write_run(tmp_path, random_run(8, md=md, bulk=BULK), name))


def test_without_stress(tmp_path):
    run = random_run(3)
    for step in run.steps:
        step.kbar = None
    assert_agrees(write_run(tmp_path, run))


def test_head(tmp_path):
    fixed = np.array([True, True, False, False, False, False])
    run = random_run(2, fixed=fixed, parameters={"NELM": 77, "SIGMA": 0.05})
    path = write_run(tmp_path, run)
    peer, ours = pymatgen_steps(path), read_run(tmp_path)
    assert ours.numbers.tolist() == run.numbers.tolist()
    assert ours.free_mask.tolist() == (~fixed).tolist()
    flags = peer.initial_structure.site_properties["selective_dynamics"]
    assert ours.free_mask.tolist() == [any(flag) for flag in flags]
    assert list(ours.potcar_titles) == peer.potcar_symbols
    assert ours.vasp_version == peer.vasp_version == "6.4.2"
    assert ours.kpoints == tuple(peer.kpoints.kpts[0])
    assert ours.nelm == 77
    assert {key: ours.incar[key] for key in peer.incar} == {
        key: str(value).upper() if isinstance(value, str) else value
        for key, value in peer.incar.items()
    }
    assert ours.incar["SIGMA"] == 0.05
    np.testing.assert_allclose(ours.positions, peer.initial_structure.cart_coords, atol=1e-8)
    assert ours.source == "vasprun.xml"
    assert program_of_output(ours.generator) == VASP


def test_stress_is_minus_a_tenth_gigapascal_per_kbar(tmp_path):
    run = random_run(1)
    run.steps[0].kbar = np.diag([10.0, 20.0, 30.0])
    write_run(tmp_path, run)
    (step,) = read_run(tmp_path).steps
    np.testing.assert_allclose(step.stress, np.diag([-1.0, -2.0, -3.0]) * GPa, atol=1e-12)


def test_scf_that_hits_nelm_is_not_converged(tmp_path):
    run = random_run(3, parameters={"NELM": 6})
    for step, n_scf in zip(run.steps, (5, 6, 1), strict=True):
        step.n_scf = n_scf
    write_run(tmp_path, run)
    assert [step.scf_converged for step in read_run(tmp_path).steps] == [True, False, True]


def test_step_of_a_force_field_is_no_converged_label(tmp_path):
    run = random_run(2)
    run.steps[1].n_scf = 0
    write_run(tmp_path, run)
    assert [step.scf_converged for step in read_run(tmp_path).steps] == [True, False]


def test_wrong_sigma0_of_old_versions_is_corrected_as_pymatgen_does(tmp_path):
    run = random_run(2)
    for step in run.steps:
        step.e0_written = 0.00123
    path = write_run(tmp_path, run)
    steps = list(read_vasprun_xml(path).steps)
    assert steps[-1].energy_sigma0 == pytest.approx(pymatgen_steps(path).final_energy, abs=1e-8)
    assert [s.energy_sigma0 for s in steps] == pytest.approx([s.sigma0 for s in run.steps])


def test_asterisks_are_nan(tmp_path):
    run = random_run(2)
    run.steps[0].forces[2, 1] = np.nan
    write_run(tmp_path, run)
    first, second = read_run(tmp_path).steps
    assert np.argwhere(np.isnan(first.forces)).tolist() == [[2, 1]]
    assert np.isfinite(second.forces).all()


def test_asterisks_that_touch_cost_one_step(tmp_path):
    run = random_run(3)
    text = vasprun_xml(run).split(b"</calculation>")
    row = text[1].index(b"<v>", text[1].index(b'name="forces"'))
    text[1] = text[1][:row] + b"<v>" + b"*" * 48 + text[1][text[1].index(b"</v>", row) :]
    (tmp_path / "vasprun.xml").write_bytes(b"</calculation>".join(text))
    steps = list(read_run(tmp_path).steps)
    assert [np.isfinite(step.forces).all() for step in steps] == [True, False, True]
    assert [step.energy for step in steps] == [step.free for step in run.steps]


def test_energies_under_pressure_are_without_pv(tmp_path):
    """ASE takes PV off, too; pymatgen does not."""
    run = random_run(2, incar={"ENCUT": 520.0, "PSTRESS": 500.0}, parameters={"PSTRESS": 500.0})
    path = write_run(tmp_path, run)
    assert pymatgen_steps(path).ionic_steps[0]["e_fr_energy"] > run.steps[0].free + 10
    ours = list(read_run(tmp_path).steps)
    assert [step.energy for step in ours] == pytest.approx([s.free for s in run.steps], abs=1e-7)
    assert [s.energy_sigma0 for s in ours] == pytest.approx([s.sigma0 for s in run.steps], abs=1e-7)
    peers = ase.io.read(path, index=":", format="vasp-xml")
    for step, atoms in zip(ours, peers, strict=True):
        free = atoms.get_potential_energy(force_consistent=True)
        assert step.energy == pytest.approx(free, abs=1e-4)  # its unit of pressure is rounded
        np.testing.assert_allclose(step.stress, atoms.get_stress(voigt=False), atol=1e-7)


def test_electronic_steps_of_a_linear_response_are_not_the_labels(tmp_path):
    run = random_run(2, incar={"ENCUT": 520.0, "IBRION": 8, "LEPSILON": True})
    response = "<scstep><energy><i name='e_fr_energy'>-40.0</i></energy></scstep>\n" * 70
    (tmp_path / "vasprun.xml").write_bytes(
        vasprun_xml(run).replace(b" </calculation>", response.encode() + b" </calculation>")
    )
    steps = list(read_run(tmp_path).steps)
    assert [step.energy for step in steps] == [step.free for step in run.steps]
    assert [step.n_scf for step in steps] == [step.n_scf for step in run.steps]
    assert all(step.scf_converged for step in steps)


def test_a_pressure_alone_is_no_stress(tmp_path):
    incar = {"ENCUT": 520.0, "ISIF": 1}
    write_run(tmp_path / "xml", random_run(1, incar=incar))
    write_run(tmp_path / "out", random_run(1, incar=incar), "OUTCAR")
    for folder in ("xml", "out"):
        (step,) = read_run(tmp_path / folder).steps
        assert step.stress is None


@pytest.mark.parametrize("chunk", [500, 1 << 18])
def test_a_second_run_in_one_file_is_said_not_read_with_the_head_of_the_first(
    tmp_path, monkeypatch, chunk
):
    monkeypatch.setattr("workflows.engines.vasp.output_streams._CHUNK", chunk)
    first, second = random_run(2, n_atoms=6), random_run(2, n_atoms=4)
    (tmp_path / "vasprun.xml").write_bytes(vasprun_xml(first) + vasprun_xml(second))
    steps = read_run(tmp_path).steps
    assert [next(steps).energy, next(steps).energy] == [step.free for step in first.steps]
    with pytest.raises(VaspOutputError, match="another run follows"):
        next(steps)


def test_a_run_glued_to_the_end_of_a_killed_one_is_noticed(tmp_path):
    text = vasprun_xml(random_run(2))
    (tmp_path / "vasprun.xml").write_bytes(text[: text.rindex(b"<energy>")] + text)
    steps = read_run(tmp_path).steps
    next(steps)
    with pytest.raises(VaspOutputError, match="several runs or images"):
        next(steps)


def test_the_file_that_all_images_write_to_is_refused_but_not_an_images_own(tmp_path):
    run = random_run(2, incar={"ENCUT": 520.0, "IMAGES": 3})
    write_run(tmp_path, run)
    with pytest.raises(VaspOutputError, match=r"3 images .* the OUTCAR of each image"):
        read_run(tmp_path)
    write_run(tmp_path / "02", run)
    write_run(tmp_path / "01", run, "OUTCAR")
    assert len(list(read_run(tmp_path / "02").steps)) == 2
    assert len(list(read_run(tmp_path / "01").steps)) == 2


@pytest.mark.parametrize(
    ("n_electrons", "charge"), [(66.0, 0.0), (65.0, 1.0), (66.5, -0.5), (None, None)]
)
def test_charge(tmp_path, n_electrons, charge):
    given = {} if n_electrons is None else {"NELECT": n_electrons}
    write_run(tmp_path, random_run(1, n_atoms=6, parameters=given))
    assert read_run(tmp_path).charge == charge
    if n_electrons is not None:
        write_run(tmp_path / "out", random_run(1, n_atoms=6, parameters=given), "OUTCAR")
        assert read_run(tmp_path / "out").charge == charge


RUN = random_run(6, bulk=BULK)
TEXT = vasprun_xml(RUN)


def assert_complete_steps(path, text):
    """A cut file gives exactly the steps whose end is in what remains of it."""
    try:
        run = reader.read_vasprun_xml(path)
        steps = list(run.steps)
        assert run.complete == (b"</modeling>" in text)
    except VaspOutputError:
        assert b"<calculation>" not in text
        steps = []
    assert len(steps) == text.count(b"</calculation>")
    for step, true in zip(steps, RUN.steps, strict=False):
        assert step.energy == true.free
        np.testing.assert_array_equal(step.forces, true.forces)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(cut=st.integers(0, len(TEXT)), chunk=st.sampled_from([97, 1013, 1 << 18]))
def test_cut_anywhere_all_complete_steps_remain(tmp_path, cut, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workflows.engines.vasp.output_streams._CHUNK", chunk)
        (tmp_path / "vasprun.xml").write_bytes(TEXT[:cut])
        assert_complete_steps(tmp_path / "vasprun.xml", TEXT[:cut])


ZIPPED = gzip.compress(TEXT)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(cut=st.integers(20, len(ZIPPED)))
def test_cut_gzip_gives_the_steps_before_the_cut(tmp_path, cut):
    (tmp_path / "vasprun.xml").write_bytes(ZIPPED[:cut])
    text = zlib.decompressobj(wbits=31).decompress(ZIPPED[:cut])
    assert_complete_steps(tmp_path / "vasprun.xml", text)


@pytest.mark.parametrize("limit", [0, 2_000])
def test_bulk_of_a_calculation_is_passed_over(tmp_path, monkeypatch, limit):
    monkeypatch.setattr("workflows.engines.vasp.output_streams._CHUNK", 500)
    monkeypatch.setattr(reader, "_BULK_LIMIT", limit)
    run = random_run(3, bulk=BULK * 300)
    write_run(tmp_path, run)
    ours = read_run(tmp_path)
    assert [step.energy for step in ours.steps] == [step.free for step in run.steps]
    assert ours.complete


def test_calculation_without_forces_is_named(tmp_path):
    text = TEXT.replace(b'name="forces"', b'name="nothing"', 3).replace(b"nothing", b"forces", 2)
    (tmp_path / "vasprun.xml").write_bytes(text)
    steps = read_vasprun_xml(tmp_path / "vasprun.xml").steps
    next(steps), next(steps)
    with pytest.raises(VaspOutputError, match=r"ionic step 2: no name=.forces"):
        next(steps)


@pytest.mark.parametrize("content", [b"", b"not xml", b"<modeling><generator>", TEXT[:900]])
def test_no_step_at_all_is_an_error_with_the_place(tmp_path, content):
    (tmp_path / "vasprun.xml").write_bytes(content)
    with pytest.raises(VaspOutputError) as caught:
        read_run(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("n_left", [1, 3, 5])
def test_outcar_goes_on_where_vasprun_is_cut(tmp_path, n_left):
    run = random_run(6)
    text = vasprun_xml(run)
    parts = text.split(b"</calculation>")
    (tmp_path / "vasprun.xml").write_bytes(b"</calculation>".join(parts[: n_left + 1])[:-40])
    ours = read_run(tmp_path)
    assert [step.energy for step in ours.steps] == [step.free for step in run.steps[:n_left]]
    assert (ours.source, ours.complete) == ("vasprun.xml", False)
    write_run(tmp_path, run, "OUTCAR.gz")
    ours = read_run(tmp_path)
    steps = list(ours.steps)
    assert [step.energy for step in steps] == [step.free for step in run.steps]
    assert (ours.source, ours.complete) == ("vasprun.xml, OUTCAR", True)
    for step, true in zip(steps, run.steps, strict=True):
        np.testing.assert_allclose(step.forces, true.forces, atol=6e-7)
    write_run(tmp_path, random_run(6, seed=5), "OUTCAR.gz")
    assert len(list(read_run(tmp_path).steps)) == n_left, "an OUTCAR of another run"


def test_memory_does_not_grow_with_the_number_of_steps(tmp_path):
    run = random_run(1, n_atoms=20)
    one = calculation(run.steps[0], md=True).encode()

    def peak(n_steps):
        path = tmp_path / f"{n_steps}.xml"
        with path.open("wb") as file:
            file.write(vasprun_head(run).encode())
            for _ in range(n_steps):
                file.write(one)
            file.write(vasprun_tail(run).encode())
        tracemalloc.start()
        assert sum(1 for _ in read_vasprun_xml(path).steps) == n_steps
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        path.unlink()
        return most

    peak(10)  # what is imported and cached at the first use
    assert peak(2_000) < peak(100) * 1.1
