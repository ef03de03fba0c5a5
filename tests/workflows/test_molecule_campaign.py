"""A campaign of molecules, from its file to a trained model and the report."""

import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

from cuprolith.errors import CuprolithError
from cuprolith.json_files import read_json
from training.dataset.extxyz import read_frames
from workflows.inputs.campaign import Campaign, load_campaign
from workflows.plan import plan_campaign
from workflows.stages.collect import collect
from workflows.stages.generate import generate
from workflows.stages.label import label
from workflows.structures.structure_files import iter_structures
from workflows.workdir import Workdir

pytest.importorskip("pyscf")

SCAN = [{"atoms": [0, 1], "range": [1.0, 3.0], "points": 10}]
N = 10 + 3 + 2  # with vibrations and atoms


def content(**engine):
    return {
        "name": "molecules",
        "seed": 3,
        "structures": {
            "molecules": [
                {"molecule": "LiH", "scan": SCAN},
                {"molecule": "LiH", "vibrations": {"copies": 3, "temperature": 3000}},
            ],
            "isolated_atoms": {"box": None},
        },
        "engine": {"name": "pyscf", "method": "FCI", "basis": "sto-3g", "task": "static", **engine},
        "dataset": {"split": {"val": 0.2, "test": 0.2}},
    }


def workdir_of(tmp_path, campaign):
    workdir = Workdir(tmp_path / "w")
    workdir.freeze(Campaign.model_validate(campaign))
    return workdir


def frames_in(workdir):
    return [
        frame
        for split in ("train", "val", "test")
        for frame in read_frames(workdir.dataset / f"{split}.extxyz")
    ]


def test_the_plan_of_molecules():
    campaign = Campaign.model_validate(content())
    plan = plan_campaign(campaign)
    assert {one.family: one.structures for one in plan.families} == {
        "molecule": 13,
        "isolated_atom": 2,
    }
    assert not plan.simulated
    assert 0 < plan.label_seconds < 100


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    workdir = workdir_of(tmp_path_factory.mktemp("molecules"), content())
    generate(workdir)
    label(workdir)
    return workdir


def test_the_dataset_has_neither_cells_nor_stresses(labelled):
    workdir = labelled
    assert not any(record.atoms.pbc.any() for record in iter_structures(workdir.structures_xyz))
    card = collect(workdir).card
    assert (card.frames.kept, card.frames.quarantined) == (N, 0)
    frames = frames_in(workdir)
    assert all(frame.stress is None and not frame.cell.any() for frame in frames)
    assert {frame.pbc for frame in frames} == {(False, False, False)}
    assert read_json(workdir.labels_json)["simulated"] is False
    # The bound molecule lies below its atoms, and forces pull it to its bond of 1.54 Å.
    atoms = sum(frame.energy for frame in frames if len(frame) == 1)
    molecules = [frame for frame in frames if len(frame) == 2]
    assert min(frame.energy for frame in molecules) < atoms - 1.5
    for frame in molecules:
        apart = frame.positions[1] - frame.positions[0]
        distance = np.linalg.norm(apart)
        if abs(distance - 1.54) > 0.1:
            pull = frame.forces[1] @ apart / distance
            assert (pull > 0) == (distance < 1.54)


def test_finished_labels_are_not_computed_again(labelled):
    def times():
        files = labelled.label_results.rglob("*")
        return {path: path.stat().st_mtime_ns for path in files if path.is_file()}

    before = times()
    assert label(labelled).finished == N
    assert before
    assert times() == before


@pytest.mark.slow
def test_labels_resume_after_a_kill(labelled, tmp_path):
    workdir = workdir_of(tmp_path, content())
    generate(workdir)
    code = (
        "import sys; from pathlib import Path; from workflows.workdir import Workdir\n"
        "from workflows.stages.label import label; label(Workdir(Path(sys.argv[1])))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(workdir.root)])

    def n_results():
        return len(list(workdir.label_results.rglob("*"))) if workdir.label_results.exists() else 0

    deadline = time.monotonic() + 120
    while n_results() < 5 and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert label(workdir).finished == N
    collect(workdir)
    collect(labelled)
    for one, other in zip(frames_in(workdir), frames_in(labelled), strict=True):
        assert one == other


def test_a_geometry_that_does_not_converge_fails_and_the_others_are_labelled(tmp_path):
    """One cycle is enough for an atom of one electron only."""
    workdir = workdir_of(tmp_path, content(method="HF", max_cycles=1))
    generate(workdir)
    summary = label(workdir)
    assert summary.finished + summary.failed == N
    assert summary.failed >= N - 2
    errors = [row["error"] for row in read_json(workdir.labels_json)["failures"]]
    assert all("did not converge" in error for error in errors)


def test_files_of_geometries_travel_with_the_workdir(tmp_path):
    (tmp_path / "h2.xyz").write_text("2\n\nH 0 0 0\nH 0 0 0.74\n2\n\nH 0 0 0\nH 0 0 0.9\n")
    given = content() | {"structures": {"molecules": [{"file": "h2.xyz"}]}}
    (tmp_path / "campaign.yaml").write_text(yaml.safe_dump(given))
    campaign = load_campaign(tmp_path / "campaign.yaml")
    workdir = Workdir(tmp_path / "w")
    workdir.freeze(campaign)
    (tmp_path / "h2.xyz").unlink()
    generate(workdir)
    assert len(list(iter_structures(workdir.structures_xyz))) == 2
    assert workdir.campaign().campaign_hash != ""
    (copy,) = workdir.campaign().structures.files.values()
    assert copy.is_relative_to(workdir.root.resolve())


def test_a_missing_file_of_geometries_is_named(tmp_path):
    given = content() | {"structures": {"molecules": [{"file": "none.xyz"}]}}
    (tmp_path / "campaign.yaml").write_text(yaml.safe_dump(given))
    with pytest.raises(CuprolithError, match="no such file") as caught:
        load_campaign(tmp_path / "campaign.yaml")
    assert "structures.molecules.0.file" in caught.value.where


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ({"name": "diep-r2scan"}, "this has none"),
        ({"name": "pyscf", "spin": 1}, "cannot be unpaired"),
    ],
)
def test_engines_that_cannot_label_the_molecules_are_refused_by_plan(engine, words):
    campaign = Campaign.model_validate(content() | {"engine": {"task": "static", **engine}})
    with pytest.raises(CuprolithError, match=words):
        plan_campaign(campaign)


def test_crystals_are_refused_by_an_engine_of_molecules():
    given = content() | {
        "crystals": {"Cu": {"prototype": "fcc", "a": 3.6}},
        "structures": {"bulk": {}},
    }
    with pytest.raises(CuprolithError, match="this is periodic"):
        plan_campaign(Campaign.model_validate(given))


def test_dynamics_of_a_molecule_by_a_cheap_engine(tmp_path):
    """The way to sample by dynamics: a campaign of tblite, whose frames are another's file."""
    pytest.importorskip("tblite")
    given = content() | {
        "structures": {"molecules": [{"molecule": "H2O"}]},
        "engine": {
            "name": "tblite",
            "relax": {"max_steps": 30},
            "melt_quench": {
                "melt_temperature": 300, "final_temperature": 200, "cooling_rate": 100_000,
                "time_step": 0.5, "hold_steps": 30, "segment_steps": 20, "thermostat_time": 20,
            },
        },
    }  # fmt: skip
    workdir = workdir_of(tmp_path, given)
    generate(workdir)
    summary = label(workdir)
    assert summary.failed == 0
    assert summary.frames > 30
    (row,) = [row for row in read_json(workdir.labels_json)["trajectories"] if row["temperature"]]
    assert max(row["temperature"]) > 50


@pytest.mark.slow
def test_train_and_report(tmp_path):
    from workflows.stages.report import STAGE as REPORT
    from workflows.stages.train import STAGE as TRAIN

    given = content() | {
        "training": {
            "variant": "allegro", "max_epochs": 2, "dtype": "float64", "model": {"r_max": 4.0},
        }
    }  # fmt: skip
    workdir = workdir_of(tmp_path, given)
    generate(workdir)
    label(workdir)
    collect(workdir)
    TRAIN.run(workdir)
    REPORT.run(workdir)
    page = next(workdir.root.rglob("*.html")).read_text()
    assert "pyscf" in page
    assert "FCI/sto-3g" in page
