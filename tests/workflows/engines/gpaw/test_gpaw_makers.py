"""The GPAW engine with a stand-in for GPAW: the real client, socket, log and makers."""

import os
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from jobflow import run_locally
from pymatgen.core import Structure

from cuprolith.errors import CuprolithError
from workflows.engine_settings import MeltQuenchSettings, RelaxSettings
from workflows.engines.emt import EmtSettings
from workflows.engines.gpaw.calculator import gpaw_calculator
from workflows.engines.gpaw.installation import usable_installation
from workflows.engines.gpaw.makers import GpawMeltQuenchMaker, GpawRelaxMaker, GpawStaticMaker
from workflows.engines.gpaw.settings import GpawSettings
from workflows.jobs.job_ids import stable_uuid
from workflows.labelling.calculator_makers import CalculatorMeltQuenchMaker, CalculatorRelaxMaker
from workflows.labelling.document import Provenance, frames_of
from workflows.labelling.lattice_constants import relax_crystal

PROVENANCE = Provenance("slab-1", "slab", "1 0 0", "")
emt_relax = partial(CalculatorRelaxMaker, calculator=EmtSettings())
emt_melt_quench = partial(CalculatorMeltQuenchMaker, calculator=EmtSettings())
STAND_IN = Path(__file__).with_name("gpaw_stand_in")
QUENCH = MeltQuenchSettings(cooling_rate=5900, hold_steps=0, segment_steps=30, thermostat_time=20)


def stand_in(fault=""):
    environment = f"PYTHONPATH={STAND_IN} GPAW_STAND_IN_FAULT={fault or 'none:0'}"
    return GpawSettings(command=f"env {environment} {sys.executable}", kpoint_length=20)


@pytest.fixture(autouse=True)
def in_scratch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def evaluations(run="relax"):
    return len((Path("gpaw/slab-1") / run / "evaluations.txt").read_text().split())


def relax(fault=""):
    maker = GpawRelaxMaker(settings=RelaxSettings(fmax=0.01), gpaw=stand_in(fault))
    return lambda structure: maker.label(structure, PROVENANCE)


def emt_of(frame):
    atoms = Atoms(numbers=frame.numbers, positions=frame.positions, cell=frame.cell, pbc=True)
    atoms.calc = EMT()
    return atoms


def assert_same_run(document, other):
    # A fresh process may sum in another order.
    for quantity in ("positions", "energies", "forces", "stresses"):
        values, others = (getattr(d.trajectory, quantity) for d in (document, other))
        np.testing.assert_allclose(values, others, atol=1e-8)


def test_relaxation_obeys_the_mask_and_labels_every_step(slab):
    document = relax()(slab)
    frames = list(frames_of(document.as_dict()))
    free = np.array(frames[0].free_mask)
    assert document.ionic_converged
    assert (document.engine, frames[0].engine) == ("gpaw", "gpaw")
    assert np.array_equal(frames[0].positions[~free], frames[-1].positions[~free])
    assert np.abs(frames[0].positions[free] - frames[-1].positions[free]).max() > 0.05
    assert document.n_frames == evaluations() > 3
    for frame in frames:
        atoms = emt_of(frame)
        # The protocol is in atomic units, so the last bits go.
        assert frame.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
        assert frame.energy_sigma0 == pytest.approx(frame.energy + 0.5, abs=1e-9)
        np.testing.assert_allclose(frame.forces, atoms.get_forces(), atol=1e-9)
        np.testing.assert_allclose(frame.stress, atoms.get_stress(voigt=False), atol=1e-9)


def test_a_relaxation_is_that_of_the_calculator_engines(slab):
    settings = RelaxSettings(fmax=0.01)
    reference = emt_relax(settings=settings).label(slab, PROVENANCE)
    document = relax()(slab)
    assert document.n_frames == reference.n_frames
    np.testing.assert_allclose(
        document.trajectory.positions, reference.trajectory.positions, atol=1e-6
    )


def test_static_is_the_negative_energy_derivative(slab):
    maker = GpawStaticMaker(gpaw=stand_in())
    force = maker.label(slab, PROVENANCE).trajectory.forces[0][-1][2]
    energies = []
    for sign in (1, -1):
        moved = slab.copy()
        moved.translate_sites([len(slab) - 1], [0, 0, sign * 1e-3], frac_coords=False)
        energies.append(maker.label(moved, PROVENANCE).energy_first)
    assert force == pytest.approx(-(energies[0] - energies[1]) / 2e-3, abs=1e-5)


def test_melt_quench_segments_continue_and_equal_the_run_in_this_process(slab):
    documents, state = [], None
    for segment in range(QUENCH.n_segments):
        maker = GpawMeltQuenchMaker(settings=QUENCH, gpaw=stand_in())
        document, state = maker.label(slab, PROVENANCE, 3, segment, state)
        documents.append(document)
    whole = QUENCH.model_copy(update={"segment_steps": 1000})
    reference, _ = emt_melt_quench(settings=whole).label(slab, PROVENANCE, 3, 0, None)
    frames = [frame for document in documents for frame in frames_of(document.as_dict())]
    assert len(documents) == 2
    assert [frame.step for frame in frames] == list(range(QUENCH.n_steps + 1))
    for frame in frames:
        assert frame.energy_sigma0 == pytest.approx(frame.energy + 0.5, abs=1e-9)
    np.testing.assert_allclose(
        [frame.positions for frame in frames], reference.trajectory.positions, atol=1e-6
    )


def test_melt_quench_jobs_add_their_next_segment(slab):
    maker = GpawMeltQuenchMaker(settings=QUENCH, gpaw=stand_in())
    first = maker.make(slab, PROVENANCE, run_id="run", seed=3)
    first.set_uuid(stable_uuid("run", "0"))
    responses = run_locally(first, log=False, ensure_success=True)
    assert set(responses) == {stable_uuid("run", str(i)) for i in range(QUENCH.n_segments)}


@pytest.mark.slow
def test_a_dead_process_says_what_to_do_and_the_run_goes_on_where_it_was(slab):
    undisturbed = relax()(slab)
    n_steps = evaluations()
    shutil.rmtree("gpaw")
    with pytest.raises(CuprolithError, match="oom-kill") as failure:
        relax("die:4")(slab)
    assert "rerun the same command" in failure.value.remedy
    assert evaluations() == 4  # three done, one lost
    again = relax()(slab)
    assert evaluations() == n_steps + 1
    assert_same_run(again, undisturbed)


@pytest.mark.slow
def test_a_killed_segment_goes_on_where_it_was(slab):
    def segment(fault=""):
        maker = GpawMeltQuenchMaker(settings=QUENCH, gpaw=stand_in(fault))
        return maker.label(slab, PROVENANCE, 3, 0, None)

    with pytest.raises(CuprolithError):
        segment("die:18")
    resumed, resumed_state = segment()
    run = f"{QUENCH.label.replace(' ', '-')}-1"
    assert evaluations(run) == 18 + QUENCH.segment_steps + 1 - 17
    shutil.rmtree("gpaw")
    undisturbed, state = segment()
    assert_same_run(resumed, undisturbed)
    np.testing.assert_allclose(resumed_state["momenta"], state["momenta"], atol=1e-8)


@pytest.mark.parametrize(("fault", "reason"), [("scf:4", "did not converge"), ("nan:4", "NaN")])
def test_a_step_without_labels_ends_the_run_and_the_others_are_kept(slab, fault, reason):
    document = relax(fault)(slab)
    assert reason in document.stopped_because
    assert document.n_frames == 3
    assert not document.ionic_converged


def test_a_first_step_without_labels_is_an_error(slab):
    with pytest.raises(CuprolithError, match="did not converge"):
        relax("scf:1")(slab)


def test_missing_program_says_how_to_install_it(slab):
    maker = GpawStaticMaker(gpaw=GpawSettings(command="/nowhere/gpaw python"))
    with pytest.raises(CuprolithError, match=r"/nowhere/gpaw.*\n.*docs/how_to/gpaw.md"):
        maker.label(slab, PROVENANCE)


def test_steps_of_other_settings_are_not_reused(slab):
    GpawStaticMaker(gpaw=stand_in(), config_hash="one").label(slab, PROVENANCE)
    GpawStaticMaker(gpaw=stand_in(), config_hash="one").label(slab, PROVENANCE)
    assert evaluations("static") == 1
    GpawStaticMaker(gpaw=stand_in(), config_hash="two").label(slab, PROVENANCE)
    assert evaluations("static") == 2


@pytest.mark.slow
def test_a_crystal_relaxes_with_its_cell(tmp_path):
    structure = Structure.from_spacegroup("Fm-3m", np.eye(3) * 3.7, ["Cu"], [[0, 0, 0]])
    with gpaw_calculator(
        structure.get_primitive_structure(),
        stand_in(),
        directory=tmp_path / "cu",
        config_hash="one",
        use_symmetry=True,
    ) as calculator:
        relaxed, steps = relax_crystal(structure, calculator)
    expected, _ = relax_crystal(structure, EMT())
    assert steps > 1
    assert relaxed.lattice.a == pytest.approx(expected.lattice.a, abs=2e-3)


def test_makers_survive_serialisation():
    maker = GpawMeltQuenchMaker(settings=QUENCH, gpaw=stand_in(), config_hash="abc")
    assert GpawMeltQuenchMaker.from_dict(maker.as_dict()) == maker


@pytest.fixture
def real_gpaw():
    """The GPAW that ``CUPROLITH_GPAW`` (a command like ``gpaw python``) runs."""
    command = os.environ.get("CUPROLITH_GPAW")
    if not command:
        pytest.skip("CUPROLITH_GPAW is not set: no GPAW to test with")
    settings = GpawSettings(command=command, kpoint_length=8, cutoff=400, smearing_width=0.2)
    usable_installation(settings)
    return settings


def test_gpaw_forces_are_the_energy_derivative(real_gpaw):
    atoms = bulk("Li", "bcc", a=3.49, cubic=True)
    atoms.positions[1] += [0.15, 0.05, 0.0]
    maker = GpawStaticMaker(gpaw=real_gpaw)
    place = Provenance("bulk-1", "bulk", "", "")

    def label(shift):
        positions = atoms.positions + np.array([[0, 0, 0], [shift, 0, 0]])
        return maker.label(
            Structure(atoms.cell.array, ["Li"] * 2, positions, coords_are_cartesian=True), place
        )

    up, down = label(0.01).energy_first, label(-0.01).energy_first
    force = label(0.0).trajectory.forces[0][1][0]
    assert abs(force) > 0.1
    assert force == pytest.approx(-(up - down) / 0.02, abs=0.005)
