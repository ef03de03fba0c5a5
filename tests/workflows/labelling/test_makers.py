import dataclasses
from functools import partial

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT
from jobflow import run_locally

from generators.families.isolated_atoms import isolated_atom_candidates
from tests.candidates import dimer_candidates
from workflows.engine_settings import MeltQuenchSettings, RelaxSettings
from workflows.engines.emt import EmtSettings
from workflows.jobs.job_ids import stable_uuid
from workflows.labelling.calculator_makers import (
    CalculatorMeltQuenchMaker,
    CalculatorRelaxMaker,
    CalculatorStaticMaker,
)
from workflows.labelling.document import Provenance, frames_of
from workflows.structures.structure_files import record_of

PROVENANCE = Provenance("slab-1", "slab", "1 0 0", "")
emt_relax = partial(CalculatorRelaxMaker, calculator=EmtSettings())
emt_static = partial(CalculatorStaticMaker, calculator=EmtSettings())
emt_melt_quench = partial(CalculatorMeltQuenchMaker, calculator=EmtSettings())
QUENCH = MeltQuenchSettings(
    melt_temperature=600,
    final_temperature=10,
    cooling_rate=5900,
    hold_steps=10,
    segment_steps=7,
    thermostat_time=20,
)

CALCULATOR = "workflows.labelling.calculator_engine.loaded_calculator"


def reference(frame):
    atoms = Atoms(numbers=frame.numbers, positions=frame.positions, cell=frame.cell, pbc=True)
    atoms.calc = EMT()
    return atoms


def test_relaxation_moves_only_free_atoms(slab):
    document = emt_relax(settings=RelaxSettings(fmax=0.01)).label(slab, PROVENANCE)
    first, last = (np.array(document.trajectory.positions[i]) for i in (0, -1))
    free = np.array(document.trajectory.free_mask)
    assert document.ionic_converged
    assert document.max_force_last < 0.01
    assert np.array_equal(first, slab.cart_coords)
    assert np.array_equal(first[~free], last[~free])
    assert np.abs(first[free] - last[free]).max() > 0.05
    assert document.energy_last < document.energy_first


def test_labels_are_the_calculators_and_unconstrained(slab):
    document = emt_relax().label(slab, PROVENANCE)
    frames = list(frames_of(document.as_dict()))
    assert [frame.step for frame in frames] == list(range(document.n_frames))
    for frame in frames:
        atoms = reference(frame)
        assert frame.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-10)
        np.testing.assert_allclose(frame.forces, atoms.get_forces(), atol=1e-10)
        np.testing.assert_allclose(frame.stress, atoms.get_stress(voigt=False), atol=1e-10)
    assert np.abs(frames[-1].forces[~frames[-1].free_mask]).max() > 0.01


def test_unconverged_relaxation_says_so_and_keeps_its_frames(slab):
    document = emt_relax(settings=RelaxSettings(fmax=1e-3, max_steps=2)).label(slab, PROVENANCE)
    assert not document.ionic_converged
    assert document.n_frames == 3


def test_atoms_in_a_box_are_labelled_as_they_are(emt):
    """Nothing of a dimer is free, so it has no temperature; an isolated atom feels no force."""
    dimers = dimer_candidates(["Cu"], (1.0, 1.25), 20.0)
    for candidate in [*isolated_atom_candidates(["Cu"], 20.0), *dimers]:
        structure = record_of(candidate).to_structure()
        document = emt_relax().label(structure, PROVENANCE)
        (frame,) = frames_of(document.as_dict())
        atoms = reference(frame)
        assert document.ionic_converged
        assert frame.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-10)
        np.testing.assert_allclose(frame.forces, atoms.get_forces(), atol=1e-10)
        assert (np.abs(frame.forces).max() > 0.1) == (candidate.family == "dimer")


def test_static_labels_the_structure_as_it_is(slab):
    document = emt_static().label(slab, PROVENANCE)
    (frame,) = frames_of(document.as_dict())
    assert np.array_equal(frame.positions, slab.cart_coords)


def test_nan_ends_the_run_and_marks_the_frame(monkeypatch, slab):
    class Diverging(EMT):
        calls = 0

        def calculate(self, *args, **kwargs):
            super().calculate(*args, **kwargs)
            Diverging.calls += 1
            if Diverging.calls == 3:
                self.results["energy"] = self.results["free_energy"] = np.nan

    monkeypatch.setattr(CALCULATOR, lambda _settings: Diverging())
    document = emt_relax().label(slab, PROVENANCE)
    frames = list(frames_of(document.as_dict()))
    assert "NaN" in document.stopped_because
    assert [frame.converged for frame in frames] == [True, True, False]


def run_segments(maker, slab):
    documents, state = [], None
    for segment in range(maker.settings.n_segments):
        document, state = maker.label(slab, PROVENANCE, 3, segment, state)
        documents.append(document)
    return documents


def test_segments_equal_one_uninterrupted_run(slab):
    cut = run_segments(emt_melt_quench(settings=QUENCH), slab)
    whole_settings = QUENCH.model_copy(update={"segment_steps": 10_000})
    whole = run_segments(emt_melt_quench(settings=whole_settings), slab)
    frames = [frame for document in cut for frame in frames_of(document.as_dict())]
    assert [frame.step for frame in frames] == list(range(QUENCH.n_steps + 1))
    assert len(cut) == QUENCH.n_segments > 5
    assert len(whole) == 2  # hold and ramp
    uncut = [frame for document in whole for frame in frames_of(document.as_dict())]
    for frame, expected in zip(frames, uncut, strict=True):
        np.testing.assert_allclose(frame.positions, expected.positions, atol=1e-12)
        np.testing.assert_allclose(frame.forces, expected.forces, atol=1e-10)


@pytest.mark.slow
def test_melt_quench_follows_its_temperature(slab):
    # Long enough for the thermostat: 600 K hold, then a ramp of 1 ps.
    settings = MeltQuenchSettings(
        cooling_rate=590, hold_steps=400, segment_steps=5000, thermostat_time=40
    )
    documents = run_segments(emt_melt_quench(settings=settings), slab)
    temperatures = np.concatenate([document.temperatures for document in documents])
    assert temperatures[0] == pytest.approx(600)
    assert temperatures[100:400].mean() == pytest.approx(600, rel=0.15)
    middle = settings.hold_steps + settings.quench_steps // 2
    target = settings.temperature_at(middle)
    assert temperatures[middle - 80 : middle + 80].mean() == pytest.approx(target, rel=0.3)
    # The chain lags behind the ramp by about its own time scale.
    assert temperatures[-20:].mean() < 0.3 * 600


def test_melt_quench_jobs_add_their_next_segment(slab):
    maker = emt_melt_quench(settings=QUENCH)
    first = maker.make(slab, PROVENANCE, run_id="run", seed=3)
    first.set_uuid(stable_uuid("run", "0"))
    responses = run_locally(first, log=False, ensure_success=True)
    assert set(responses) == {stable_uuid("run", str(i)) for i in range(QUENCH.n_segments)}


def test_scaled_down_quench_is_called_so(slab):
    document, _ = emt_melt_quench(settings=QUENCH).label(slab, PROVENANCE, 3, 0, None)
    assert document.trajectory_id == "slab-1/scaled-down-melt-quench"
    assert MeltQuenchSettings().label == "melt-quench"


def test_paper_schedule():
    settings = MeltQuenchSettings()
    assert settings.quench_steps == 1180
    assert settings.temperature_at(settings.hold_steps) == 600
    assert settings.temperature_at(settings.n_steps) == pytest.approx(10)
    per_step = settings.temperature_at(700) - settings.temperature_at(701)
    assert per_step == pytest.approx(250 * 0.002)


def test_makers_survive_serialisation(slab):
    maker = emt_melt_quench(settings=QUENCH, config_hash="abc")
    assert CalculatorMeltQuenchMaker.from_dict(maker.as_dict()) == maker
    assert dataclasses.replace(maker, config_hash="d") != maker
