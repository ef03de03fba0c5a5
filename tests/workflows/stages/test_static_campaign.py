"""``task: static``: candidates are labelled as they are, by every kind of engine."""

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase.calculators.emt import EMT
from jobflow import run_locally
from pydantic import ValidationError
from pymatgen.io.vasp.inputs import Incar, Poscar

from cuprolith.json_files import read_json
from training.dataset.extxyz import read_frames
from workflows.engine import engine_settings, make_engine
from workflows.inputs.campaign import Campaign
from workflows.labelling.label_runs import label_runs, structure_flows
from workflows.plan import plan_campaign
from workflows.stages.collect import collect
from workflows.stages.generate import generate
from workflows.stages.label import label
from workflows.structures.structure_files import iter_structures
from workflows.vasp_rehearsal.potcars import write_placeholder_potcars
from workflows.workdir import Workdir

STAND_IN = Path(__file__).parents[1] / "engines/gpaw/gpaw_stand_in"


def campaign(**engine):
    content = {
        "name": "static",
        "seed": 3,
        "crystals": {"Cu": {"prototype": "fcc", "a": 3.6}, "Au": {"prototype": "fcc", "a": 4.1}},
        "structures": {
            "bulk": {"strains": [-0.02, 0.02]},
            "slabs": [
                {"crystal": name, "miller_indices": [[1, 0, 0], [1, 1, 1]], "min_thickness": 3,
                 "vacuum": 8}
                for name in ("Cu", "Au")
            ],
            "adatoms": [{"species": ["Au"], "crystals": ["Cu"]}],
            "rattled": [{"family": "slab", "supercell": [1, 1, 1], "copies": 2}],
        },
        "engine": {"task": "static", **engine},
    }  # fmt: skip
    return Campaign.model_validate(yaml.safe_load(yaml.safe_dump(content)))


@pytest.fixture
def generated(tmp_path):
    def generate_with(**engine):
        workdir = Workdir(tmp_path / "w")
        workdir.freeze(campaign(**engine))
        generate(workdir)
        return workdir

    return generate_with


def test_candidates_are_labelled_as_they_are_and_collected(generated):
    workdir = generated(name="emt")
    records = {each.structure_id: each for each in iter_structures(workdir.structures_xyz)}
    assert any(each.parent_mapping for each in records.values()), "adatoms are built from slabs"
    summary = label(workdir)
    assert (summary.finished, summary.frames) == (len(records), len(records))
    assert (summary.unconverged, summary.failed, summary.skipped) == (0, 0, 0)
    rows = read_json(workdir.labels_json)["trajectories"]
    assert {row["task"] for row in rows} == {"static"}
    assert {row["converged"] for row in rows} == {None}
    collect(workdir)
    frames = [
        frame
        for split in ("train", "val", "test")
        for frame in read_frames(workdir.dataset / f"{split}.extxyz")
    ]
    assert {frame.trajectory_id for frame in frames} <= {f"{name}/static" for name in records}
    for frame in frames:
        atoms = records[frame.structure_id].atoms.copy()
        np.testing.assert_allclose(frame.positions, atoms.positions, atol=1e-12)
        atoms.calc = EMT()
        assert frame.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-9)


@pytest.mark.slow
def test_nothing_is_labelled_twice_and_a_relaxation_is_another_run(generated):
    workdir = generated(name="emt")
    label(workdir)
    before = workdir.labels_json.read_text()
    label(workdir)
    assert workdir.labels_json.read_text() == before
    static, relax = (engine_settings(name="emt", task=task) for task in ("static", "relax"))
    records = list(iter_structures(workdir.structures_xyz))
    ids = [
        {run.run_id for run in label_runs(records, each, make_engine(each), 3)}
        for each in (static, relax)
    ]
    assert not ids[0] & ids[1]
    other = engine_settings(name="emt", task="static", relax={"fmax": 0.2})
    assert ids[0] == {run.run_id for run in label_runs(records, other, make_engine(other), 3)}


def test_plan_counts_one_step_of_each_structure():
    planned = plan_campaign(campaign(name="emt"))
    assert planned.label_steps == planned.structures


def test_a_melt_quench_has_nothing_to_start_from():
    with pytest.raises(ValidationError, match="melt_quench starts from relaxed interfaces"):
        campaign(name="emt", melt_quench={})


@pytest.mark.slow
def test_gpaw_labels_what_it_is_given(generated, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    command = f"env PYTHONPATH={STAND_IN} GPAW_STAND_IN_FAULT=none:0 {sys.executable}"
    workdir = generated(name="gpaw", gpaw={"command": command, "kpoint_length": 10})
    record, flow = first_flow(workdir)
    (response,) = run_locally(flow, log=False, ensure_success=True).values()
    document = response[1].output
    assert (document["task"], document["n_frames"]) == ("static", 1)
    folder = tmp_path / "gpaw" / record.structure_id / "static"
    assert (folder / "steps.jsonl").is_file()


@pytest.mark.slow
def test_vasp_runs_no_ionic_step(generated, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    write_placeholder_potcars(tmp_path / "potcars", "PBE_54", ["Cu_pv", "Au"])
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(tmp_path / "potcars"))
    monkeypatch.setenv("CUPROLITH_REHEARSAL", "emt-like")
    workdir = generated(
        name="vasp",
        vasp={
            "vasp_cmd": "cuprolith-vasp-rehearsal",
            "pbe_start": False,
            "potcars": {"Cu": "Cu_pv", "Au": "Au"},
        },
    )
    planned = plan_campaign(workdir.campaign()).dft
    assert [(task.task, task.incar["NSW"]) for task in planned.tasks] == [("static", "0")]
    record, flow = first_flow(workdir)
    (response,) = run_locally(flow, log=False, ensure_success=True).values()
    assert response[1].output["n_frames"] == 1
    folder = tmp_path / "vasp" / record.structure_id / "static"
    assert Incar.from_file(str(folder / "INCAR"))["NSW"] == 0
    written = Poscar.from_file(str(folder / "POSCAR")).structure
    assert written.composition == record.to_structure().composition
    np.testing.assert_allclose(written.lattice.matrix, record.atoms.cell.array, atol=1e-12)


def first_flow(workdir):
    settings = workdir.campaign().engine
    engine = make_engine(settings)
    runs = list(label_runs(iter_structures(workdir.structures_xyz), settings, engine, 3))[:1]
    (flow,) = structure_flows(runs, engine, 3)
    return runs[0].record, flow
