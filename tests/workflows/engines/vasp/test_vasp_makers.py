import json
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
from ase.build import add_adsorbate, fcc100
from jobflow import run_locally
from pymatgen.core import Structure
from pymatgen.io.vasp.inputs import Incar, Poscar

from cuprolith.errors import CuprolithError, WallTimeError
from workflows.engine import engine_settings, make_engine
from workflows.engines.vasp.programs import VASP as VASP_ITSELF
from workflows.engines.vasp.run_labels import Expected
from workflows.engines.vasp.settings import VaspSettings
from workflows.engines.vasp.vasp_run import expected_fingerprint
from workflows.engines.vasp.vasprun import read_run
from workflows.jobs.job_ids import stable_uuid
from workflows.labelling.document import Provenance, frames_of
from workflows.vasp_rehearsal.potentials import MorsePairs
from workflows.vasp_rehearsal.program import PROGRAM as REHEARSAL
from workflows.vasp_rehearsal.run import RunAbortedError, run

PROVENANCE = Provenance("adatom-1", "adatom", "1 0 0", "slab-1")
VASP = {"vasp_cmd": "cuprolith-vasp-rehearsal", "pbe_start": False}
QUENCH = {"hold_steps": 6, "cooling_rate": 29500, "segment_steps": 6, "thermostat_time": 20}


class KilledError(BaseException):
    """The process is gone."""


class Machine:
    """Runs VASP's stand-in in this process, without custodian; can be told to fail.

    ``die_after`` ends VASP before the label of that number, ``kill`` takes our process along.
    """

    def __init__(self):
        self.die_after = None
        self.kill = False
        self.n_labels = 0
        self.runs = []

    def execute(self, directory, task, settings):
        self.runs.append((task, dict(Incar.from_file(str(directory / "INCAR")))))
        machine = self

        class Counted(MorsePairs):
            def calculate(self, *args, **kwargs):
                if machine.die_after is not None and machine.n_labels >= machine.die_after:
                    raise KilledError
                machine.n_labels += 1
                super().calculate(*args, **kwargs)

        try:
            with (directory / "vasp.out").open("w") as out:
                run(directory.resolve(), Counted(), out)
        except KilledError:
            self.die_after = None
            if self.kill:
                raise
            return "killed"
        except RunAbortedError:
            return "aborted"
        return ""


@pytest.fixture
def machine(monkeypatch, tmp_path):
    machine = Machine()
    monkeypatch.setattr("workflows.engines.vasp.vasp_run.execute", machine.execute)
    monkeypatch.chdir(tmp_path)
    return machine


@pytest.fixture
def adatom():
    """Cu(100) with a Li adatom that comes last but is written first; outer layers free."""
    atoms = fcc100("Cu", (2, 2, 4), a=3.6, vacuum=6.0, periodic=True)
    add_adsorbate(atoms, "Li", 2.2, "hollow")
    structure = Structure(
        atoms.cell.array, atoms.get_chemical_symbols(), atoms.positions, coords_are_cartesian=True
    )
    structure.add_site_property(
        "selective_dynamics", [[tag in (0, 1, 4)] * 3 for tag in atoms.get_tags()]
    )
    return structure


def engine_of(**settings):
    vasp = {**VASP, **settings.pop("vasp", {})}
    return make_engine(engine_settings(name="vasp", vasp=vasp, melt_quench=QUENCH, **settings))


def run_segments(maker, structure):
    documents, state = [], None
    for segment in range(maker.settings.n_segments):
        document, state = maker.label(structure, PROVENANCE, 3, segment, state)
        documents.append(document)
    return [frame for document in documents for frame in frames_of(document.as_dict())]


def same_labels(frames, expected, atol=1e-6):
    assert [frame.step for frame in frames] == [frame.step for frame in expected]
    for frame, other in zip(frames, expected, strict=True):
        np.testing.assert_allclose(frame.positions, other.positions, atol=atol)
        np.testing.assert_allclose(frame.forces, other.forces, atol=10 * atol)


def test_relaxation_labels_in_the_candidates_order(machine, adatom):
    engine = engine_of()
    document = engine.relax.label(adatom, PROVENANCE)
    frames = list(frames_of(document.as_dict()))
    assert document.ionic_converged
    assert document.max_force_last <= 0.03
    assert (document.drift, document.corrections, document.stopped_because) == ([], [], "")
    assert {frame.engine for frame in frames} == {"rehearsal"}
    assert {frame.config_hash for frame in frames} == {engine.config_hash}
    fixed = ~np.array([all(flags) for flags in adatom.site_properties["selective_dynamics"]])
    calculator = MorsePairs()
    for frame in frames:
        assert frame.numbers.tolist() == [site.specie.Z for site in adatom]
        np.testing.assert_array_equal(~frame.free_mask, fixed)
        np.testing.assert_allclose(frame.positions[fixed], adatom.cart_coords[fixed], atol=1e-6)
        atoms = frame_atoms(frame)
        calculator.calculate(atoms)
        np.testing.assert_allclose(frame.forces, calculator.results["forces"], atol=1e-5)
        assert frame.energy_sigma0 is not None


def frame_atoms(frame):
    from ase import Atoms

    return Atoms(numbers=frame.numbers, positions=frame.positions, cell=frame.cell, pbc=True)


def test_files_say_what_is_run(machine, adatom, tmp_path):
    engine_of().relax.label(adatom, PROVENANCE)
    folder = tmp_path / "vasp" / "adatom-1" / "relax"
    poscar = Poscar.from_file(str(folder / "POSCAR"))
    mask = np.array(poscar.selective_dynamics)
    free = np.array(adatom.site_properties["selective_dynamics"])
    np.testing.assert_array_equal(mask, np.concatenate([free[-1:], free[:-1]]))
    assert (folder / "POTCAR.spec").read_text().split() == ["Li_sv", "Cu_pv"]
    recorded = json.loads((folder / "cuprolith.json").read_text())
    assert recorded["trajectory_id"] == "adatom-1/relax"
    assert (recorded["task"], recorded["first_step"]) == ("relax", 0)
    assert [each["symbol"] for each in recorded["potcars"]] == ["Li_sv", "Cu_pv"]
    assert not (folder / "WAVECAR").exists()


def test_killed_relaxation_goes_on_from_its_last_step(machine, adatom, tmp_path):
    relax = engine_of().relax
    machine.die_after, machine.kill = 5, True
    with pytest.raises(KilledError):
        relax.label(adatom, PROVENANCE)
    done = machine.n_labels
    document = relax.label(adatom, PROVENANCE)
    assert document.ionic_converged
    # CONTCAR of a relaxation is its last labelled step, which alone is computed again.
    assert document.n_frames == machine.n_labels - 1 >= done
    assert [frame.step for frame in frames_of(document.as_dict())] == [*range(document.n_frames)]
    assert [tags["NSW"] for _, tags in machine.runs] == [200, 200 - done]
    aside = tmp_path / "vasp" / "adatom-1" / "relax"
    first = json.loads((aside / "attempt-1" / "cuprolith.json").read_text())["first_step"]
    last = json.loads((aside / "cuprolith.json").read_text())["first_step"]
    assert (first, last) == (0, done - 1)
    count = machine.n_labels
    assert relax.label(adatom, PROVENANCE).n_frames == document.n_frames
    assert machine.n_labels == count


def test_dead_vasp_is_restarted_within_the_job(machine, adatom):
    machine.die_after = 4
    document = engine_of().relax.label(adatom, PROVENANCE)
    assert document.ionic_converged
    assert document.corrections == ["restarted after 4 ionic steps: killed"]


def test_other_settings_are_another_run(machine, adatom, tmp_path):
    engine_of().relax.label(adatom, PROVENANCE)
    engine_of(relax={"fmax": 0.2}).relax.label(adatom, PROVENANCE)
    assert len(list((tmp_path / "vasp" / "adatom-1").glob("relax.*"))) == 1
    assert len(machine.runs) == 2


def test_static_labels_one_step(machine, adatom):
    document = engine_of().static.label(adatom, PROVENANCE)
    (frame,) = frames_of(document.as_dict())
    np.testing.assert_allclose(frame.positions, adatom.cart_coords, atol=1e-9)
    assert document.task == "static"


def test_segments_continue_positions_and_velocities(machine, adatom):
    maker = engine_of().melt_quench
    frames = run_segments(maker, adatom)
    assert [frame.step for frame in frames] == list(range(maker.settings.n_steps))
    assert all(frame.free_mask.all() for frame in frames)
    # Second differences show a jump of the velocity: they stay those of the thermal motion.
    path = np.array([frame.positions for frame in frames])
    accelerations = np.linalg.norm(np.diff(path, 2, axis=0), axis=(1, 2))
    border = maker.settings.segments[0].last
    assert accelerations[border - 2 : border].max() < 1.5 * np.median(accelerations)
    targets = [(tags["TEBEG"], tags["TEEND"]) for _, tags in machine.runs]
    assert targets == [(part.begin, part.end) for part in maker.settings.segments]


def test_segment_killed_at_any_step_gives_the_same_trajectory(machine, adatom, tmp_path):
    maker = engine_of().melt_quench
    expected = run_segments(maker, adatom)
    for number, killed_at in enumerate((3, 9, 14)):
        machine.n_labels, machine.die_after, machine.kill = 0, killed_at, True
        folder = tmp_path / str(number)
        folder.mkdir()
        with chdir(folder):
            frames = []
            state = None
            for segment in range(maker.settings.n_segments):
                try:
                    document, after = maker.label(adatom, PROVENANCE, 3, segment, state)
                except KilledError:
                    document, after = maker.label(adatom, PROVENANCE, 3, segment, state)
                frames += frames_of(document.as_dict())
                state = after
            same_labels(frames, expected)
            assert machine.n_labels == len(expected)


def test_segment_whose_contcar_does_not_fit_begins_again(machine, adatom, tmp_path):
    maker = engine_of().melt_quench
    expected = run_segments(maker, adatom)[:6]
    folder = tmp_path / "again"
    folder.mkdir()
    machine.n_labels, machine.die_after, machine.kill = 0, 4, True
    with chdir(folder):
        with pytest.raises(KilledError):
            maker.label(adatom, PROVENANCE, 3, 0, None)
        run_folder = folder / "vasp" / "adatom-1" / "scaled-down-melt-quench-1"
        (run_folder / "CONTCAR").write_text((run_folder / "POSCAR").read_text())
        document, _ = maker.label(adatom, PROVENANCE, 3, 0, None)
    same_labels(list(frames_of(document.as_dict())), expected)
    assert "began again" in document.corrections[0]
    assert (run_folder / "superseded.1.tar.gz").is_file()


def test_jobs_add_their_next_segment(machine, adatom):
    maker = engine_of().melt_quench
    first = maker.make(adatom, PROVENANCE, run_id="run", seed=3)
    first.set_uuid(stable_uuid("run", "0"))
    responses = run_locally(first, log=False, ensure_success=True)
    assert set(responses) == {stable_uuid("run", str(i)) for i in range(maker.settings.n_segments)}


def test_drifted_settings_get_another_fingerprint(machine, adatom, monkeypatch):
    engine = engine_of()
    plain = machine.execute

    def drifting(directory, task, settings):
        incar = Incar.from_file(str(directory / "INCAR"))
        incar["SIGMA"] = 0.05
        incar.write_file(str(directory / "INCAR"))
        return plain(directory, task, settings)

    monkeypatch.setattr("workflows.engines.vasp.vasp_run.execute", drifting)
    document = engine.static.label(adatom, PROVENANCE)
    assert document.drift == ["SIGMA 0.05 vs 0.1"]
    (frame,) = frames_of(document.as_dict())
    assert frame.config_hash != document.config_hash == engine.config_hash


def test_wall_time_ends_the_job_and_keeps_its_steps(machine, adatom, monkeypatch):
    plain = machine.execute

    def out_of_time(directory, task, settings):
        machine.die_after = 4
        plain(directory, task, settings)
        raise WallTimeError("wall time reached")

    relax = engine_of().relax
    monkeypatch.setattr("workflows.engines.vasp.vasp_run.execute", out_of_time)
    with pytest.raises(WallTimeError):
        relax.label(adatom, PROVENANCE)
    monkeypatch.setattr("workflows.engines.vasp.vasp_run.execute", plain)
    document = relax.label(adatom, PROVENANCE)
    assert document.ionic_converged
    assert document.n_frames == machine.n_labels - 1


def test_a_wall_time_too_short_for_a_step_is_not_tried_again(machine, adatom, monkeypatch):
    def out_of_time(directory, task, settings):
        raise WallTimeError("wall time reached", where=str(directory))

    monkeypatch.setattr("workflows.engines.vasp.vasp_run.execute", out_of_time)
    with pytest.raises(CuprolithError, match="not one ionic step fits") as raised:
        engine_of().relax.label(adatom, PROVENANCE)
    assert not isinstance(raised.value, WallTimeError)
    assert "more time" in raised.value.remedy


def test_run_that_labels_nothing_says_what_vasp_said(machine, adatom, monkeypatch):
    def dead(directory, task, settings):
        (directory / "std_err.txt").write_text("libmkl.so: not found\n")
        return "return code is 127"

    monkeypatch.setattr("workflows.engines.vasp.vasp_run.execute", dead)
    with pytest.raises(CuprolithError, match=r"libmkl\.so: not found"):
        engine_of().static.label(adatom, PROVENANCE)


def test_output_of_a_rehearsal_is_not_taken_for_vasp(machine, adatom):
    engine_of().static.label(adatom, PROVENANCE)
    output = read_run(Path("vasp/adatom-1/static"))
    fingerprint = expected_fingerprint(VaspSettings(), list(output.potcar_titles))
    with pytest.raises(CuprolithError, match="the output is of a rehearsal"):
        Expected(fingerprint, (7, 7, 1), "hash", VASP_ITSELF).drift(output)
    other_mesh = Expected(fingerprint, (5, 7, 1), "hash", REHEARSAL)
    assert other_mesh.drift(output) == ["k-mesh 7×7×1 vs 5×7×1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"fault": "zbrent", "at_step": 4}, "LineMinimisationHandler: zbrent"),
        ({"fault": "walltime_kill", "at_step": 4}, "restarted after 3 ionic steps"),
    ],
)
def test_custodian_and_restarts_survive_faults(fault, says, adatom, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUPROLITH_REHEARSAL", "emt-like")
    counter = {"counter": str(tmp_path / "count")}
    monkeypatch.setenv("CUPROLITH_REHEARSAL_FAULTS", json.dumps({**fault, **counter}))
    document = engine_of().relax.label(adatom, PROVENANCE)
    assert any(line.startswith(says) for line in document.corrections), document.corrections
    assert document.ionic_converged
    assert document.drift == []
    # Steps from before the fault are kept.
    np.testing.assert_allclose(document.trajectory.positions[0], adatom.cart_coords, atol=1e-7)
    assert document.n_frames > 5


def test_cut_vasprun_loses_nothing(adatom, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUPROLITH_REHEARSAL", "emt-like")
    fault = {"fault": "truncated_vasprun", "counter": str(tmp_path / "count")}
    monkeypatch.setenv("CUPROLITH_REHEARSAL_FAULTS", json.dumps(fault))
    document = engine_of().relax.label(adatom, PROVENANCE)
    assert document.ionic_converged
    assert document.stopped_because == ""


def test_makers_survive_serialisation():
    engine = engine_of()
    for maker in (engine.relax, engine.static, engine.melt_quench):
        assert type(maker).from_dict(maker.as_dict()) == maker
