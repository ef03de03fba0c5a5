import numpy as np
import pytest
import torch
from ase import Atoms

from cuprolith.errors import CuprolithError
from workflows.engine import ENGINES, engine_settings, make_engine
from workflows.engine_settings import MeltQuenchSettings
from workflows.engines.diep import DiepSettings
from workflows.labelling.calculator_engine import loaded_calculator
from workflows.labelling.document import Provenance, frames_of

PROVENANCE = Provenance("slab-1", "slab", "1 0 0", "")


@pytest.mark.parametrize("name", ["diep-r2scan", "chgnet-r2scan"])
def test_labels_equal_a_fresh_calculator_and_its_energy_derivative(name, slab):
    engine = make_engine(engine_settings(name=name))
    document = engine.static.label(slab, PROVENANCE)
    (frame,) = frames_of(document.as_dict())
    assert (frame.engine, frame.functional) == (name, "r2SCAN")
    atoms = Atoms(numbers=frame.numbers, positions=frame.positions, cell=frame.cell, pbc=True)
    atoms.calc = ENGINES[name].load(engine_settings(name=name), "cpu")
    np.testing.assert_allclose(frame.forces, atoms.get_forces(), atol=1e-4)
    np.testing.assert_allclose(frame.stress, atoms.get_stress(voigt=False), atol=1e-5)
    step, moved = 0.01, []
    for sign in (1, -1):
        shifted = atoms.copy()
        shifted.calc = atoms.calc
        shifted.positions[-1, 2] += sign * step
        moved.append(shifted.get_potential_energy())
    # Single precision bounds what a finite difference of a total energy can show.
    assert frame.forces[-1, 2] == pytest.approx(-(moved[0] - moved[1]) / (2 * step), abs=0.02)


def test_stress_is_the_strain_derivative_in_ev_per_cubic_angstrom():
    atoms = Atoms("Cu", cell=3.5 / 2 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]), pbc=True)
    atoms.calc = loaded_calculator(DiepSettings())
    strain, energies = 0.002, []
    for sign in (1, -1):
        strained = atoms.copy()
        strained.set_cell(atoms.cell.array * (1 + sign * strain), scale_atoms=True)
        strained.calc = atoms.calc
        energies.append(strained.get_potential_energy())
    derivative = (energies[0] - energies[1]) / (2 * strain) / atoms.get_volume()
    assert np.trace(atoms.get_stress(voigt=False)) == pytest.approx(derivative, rel=0.02)


def test_repeated_labels_are_the_same_bits(slab):
    engine = make_engine(engine_settings())
    first, second = (engine.static.label(slab, PROVENANCE).trajectory for _ in range(2))
    assert first == second


def test_config_hash_tells_engines_apart_and_ignores_run_settings():
    hashes = {
        name: make_engine(engine_settings(name=name)).config_hash
        for name in ("diep-r2scan", "chgnet-r2scan")
    }
    assert len(set(hashes.values())) == 2
    other_run = engine_settings(relax={"fmax": 0.1}, melt_quench=MeltQuenchSettings())
    assert make_engine(other_run).config_hash == hashes["diep-r2scan"]


def test_missing_engine_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(CuprolithError, match="pip install diep"):
        make_engine(engine_settings())


def test_segments_end_at_the_knee_and_cover_the_run():
    quench = MeltQuenchSettings(hold_steps=50, segment_steps=40)
    parts = quench.segments
    assert [part[:2] for part in parts[:4]] == [(0, 40), (40, 50), (50, 90), (90, 130)]
    assert parts[-1].last == quench.n_steps == 1230
    assert len(parts) == quench.n_segments
    for part in parts:
        slope = (part.end - part.begin) / (part.last - part.first)
        assert slope == pytest.approx(0 if part.last <= 50 else -250 * 0.002)
    assert MeltQuenchSettings(hold_steps=0, segment_steps=5000).segments == ((0, 1180, 600, 10),)


def test_cost_of_an_engine_grows_as_its_method_does():
    embedded, vasp = make_engine(engine_settings()), make_engine(engine_settings(name="vasp"))
    assert embedded.seconds_per_step(20, 100) == pytest.approx(2 * embedded.seconds_per_step(10))
    assert [entry.name for entry in ENGINES if entry.uses_kpoints] == ["gpaw", "vasp"]
    assert vasp.seconds_per_step(10, 40) == pytest.approx(40 * vasp.seconds_per_step(10, 1))
    assert vasp.seconds_per_step(20, 1) > 2 * vasp.seconds_per_step(10, 1)


def test_vasp_and_its_rehearsal_are_different_engines():
    real = make_engine(engine_settings(name="vasp", vasp={"vasp_cmd": "vasp_std"}))
    rehearsed = make_engine(
        engine_settings(name="vasp", vasp={"vasp_cmd": "cuprolith-vasp-rehearsal"})
    )
    assert (real.name, rehearsed.name) == ("vasp", "rehearsal")
    assert real.config_hash != rehearsed.config_hash
    assert rehearsed.simulated_by.startswith("rehearsed")


@pytest.mark.parametrize(
    ("vasp", "same"),
    [
        ({"parallel": {"ncore": 4}, "wall_time": 3600, "max_errors": 2}, True),
        ({"encut": 400}, False),
        ({"kpoint_length": 20}, False),
        ({"potcars": {"Li": "Li", "Cu": "Cu"}}, False),
        ({"potcar_family": "PBE_64"}, False),
        ({"incar": {"ADDGRID": True}}, False),
    ],
)
def test_fingerprint_of_vasp_covers_what_decides_labels(vasp, same):
    plain = make_engine(engine_settings(name="vasp", vasp={"vasp_cmd": "vasp_std"}))
    other = make_engine(engine_settings(name="vasp", vasp={"vasp_cmd": "vasp_std", **vasp}))
    assert (plain.config_hash == other.config_hash) is same


def test_another_default_precision_changes_no_label(slab):
    """NequIP makes double precision torch's default in its process."""
    engine = make_engine(engine_settings(name="diep-r2scan"))
    expected = engine.static.label(slab, PROVENANCE)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        found = engine.static.label(slab, PROVENANCE)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(before)
    assert found.trajectory == expected.trajectory
