"""A campaign through the jobs of a queue gives what it gives at home."""

import json
import os
import shutil
from pathlib import Path

import pytest
from jobflow.managers.local import run_locally

from cuprolith.errors import CuprolithError
from cuprolith.lock import WorkdirBusyError, workdir_lock
from tests.damage import cut
from workflows.environment import cuprolith_version
from workflows.hpc.submission.queue_file import (
    QueueFile,
    Route,
    campaign_file_hash,
    write_queue_file,
)
from workflows.hpc.submission.stage_jobs import campaign_flow, run_stage
from workflows.inputs.campaign import load_campaign
from workflows.labelling.label_plan import LabelPlan
from workflows.resource_classes import RESOURCE_CLASSES
from workflows.stages.collect import collect
from workflows.stages.generate import generate
from workflows.stages.label import label
from workflows.workdir import Workdir

pytest.importorskip("jobflow_remote")

CAMPAIGN = """\
name: tiny
seed: 4
crystals:
  Cu: {prototype: fcc, a: 3.575}
  Li: {prototype: bcc, a: 3.456}
structures:
  slabs:
    - {crystal: Cu, miller_indices: [[1, 0, 0]], min_thickness: 4.0, vacuum: 5.0}
    - {crystal: Li, miller_indices: [[1, 0, 0]], min_thickness: 4.0, vacuum: 5.0}
  interfaces:
    - {substrate: Cu, film: Li, substrate_miller: [1, 0, 0], film_miller: [1, 0, 0],
       substrate_thickness: 4.0, film_thickness: 4.0}
engine:
  relax: {max_steps: 4}
  melt_quench: {cooling_rate: 40000, hold_steps: 4, segment_steps: 5}
training:
  model: {r_max: 4.0, num_layers: 1, num_scalar_features: 4, num_tensor_features: 2}
  max_epochs: 1
"""
SPLITS = ("train", "val", "test")


def queue(workdir, submission=0):
    return QueueFile(
        campaign="tiny",
        project="test",
        version=cuprolith_version(),
        submission=submission,
        campaign_hash=campaign_file_hash(workdir),
        routes={name: Route(worker=name) for name in RESOURCE_CLASSES},
        dft_large_from_atoms=100,
    )


def submitted(workdir, submission=0):
    """Run the campaign as a queue does; return the names of the jobs in the order they ran."""
    submission_file = queue(workdir, submission)
    write_queue_file(workdir, submission_file)
    flow = campaign_flow(workdir, submission_file, workdir.campaign())
    folder = workdir.root.parent / "jobs"
    folder.mkdir(exist_ok=True)
    responses = run_locally(flow, root_dir=folder, log=False)
    return [by_index[1].output for by_index in responses.values()]


@pytest.fixture(scope="module")
def workdirs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaign")
    (folder / "tiny.yaml").write_text(CAMPAIGN)
    home, away = Workdir(folder / "home"), Workdir(folder / "away")
    for workdir in (home, away):
        workdir.freeze(load_campaign(folder / "tiny.yaml"))
    for stage in (generate, label, collect):
        stage(home)
    submitted(away)
    return home, away


@pytest.mark.slow
def test_the_dataset_is_the_same_to_the_byte(workdirs):
    home, away = workdirs
    for split in SPLITS:
        there = (away.dataset / f"{split}.extxyz").read_bytes()
        assert there == (home.dataset / f"{split}.extxyz").read_bytes()


@pytest.mark.slow
def test_the_labels_are_told_alike(workdirs):
    told = []
    for workdir in workdirs:
        content = json.loads(workdir.labels_json.read_text())
        for row in content["trajectories"]:
            assert row.pop("seconds") > 0
        told.append(content)
    assert told[0] == told[1]
    assert len(told[0]["trajectories"]) == 4


@pytest.mark.slow
def test_it_ends_in_a_report(workdirs):
    _, away = workdirs
    assert (away.training("allegro") / "result.json").is_file()
    assert "tiny" in away.report_html.read_text()


@pytest.mark.slow
def test_a_workdir_that_someone_works_in_by_hand_is_left_alone(workdirs):
    _, away = workdirs
    with workdir_lock(away.root), pytest.raises(WorkdirBusyError):
        run_stage.original(str(away.root), "report", None, queue(away).generation)


def test_jobs_of_an_earlier_submission_or_another_campaign_are_refused(tmp_path):
    """Whatever came between: another submission, or `cuprolith run --update` in the folder."""
    (tmp_path / "tiny.yaml").write_text(CAMPAIGN)
    campaign, workdir = load_campaign(tmp_path / "tiny.yaml"), Workdir(tmp_path / "workdir")
    workdir.freeze(campaign)
    first = queue(workdir)
    write_queue_file(workdir, queue(workdir, submission=1))
    with pytest.raises(CuprolithError, match=r"of submission 0-.* of submission 1-"):
        run_stage.original(str(workdir.root), "generate", None, first.generation)
    write_queue_file(workdir, first)
    workdir.freeze(campaign.model_copy(update={"seed": 5}), update=True)
    with pytest.raises(CuprolithError, match="not the campaign that was submitted") as raised:
        run_stage.original(str(workdir.root), "generate", None, first.generation)
    assert raised.value.where == str(workdir.campaign_yaml)
    assert not workdir.structures_xyz.exists()


@pytest.mark.slow
def test_submitted_again_nothing_is_labelled_again(workdirs):
    _, away = workdirs
    for date, path in enumerate(away.labels.glob("results/*/*")):
        os.utime(path, (date, date))  # as in a copy; the order of results is another one, too
    files = {path: path.stat().st_mtime_ns for path in away.labels.glob("results/*/*")}
    outputs = submitted(away, submission=1)
    assert outputs[1] == {"summary": "0 jobs left for 4 runs"}
    assert len(outputs) == len(["generate", "label", "collect", "train", "validate", "report"])
    assert files == {path: path.stat().st_mtime_ns for path in files}


@pytest.mark.slow
def test_a_damaged_result_is_listed_and_no_dataset_is_made_without_it(workdirs, tmp_path):
    _, away = workdirs
    copy = Workdir(tmp_path / "w")
    shutil.copytree(away.root, copy.root)
    plan = LabelPlan.of(copy)
    path = plan.folder.path_of_result(plan.runs[0].job_uuids[0])
    cut(path)
    with pytest.raises(CuprolithError, match=r"is damaged\n.*cuprolith submit") as raised:
        collect(copy)
    assert raised.value.where == str(path)
    (failure,) = json.loads(copy.labels_json.read_text())["failures"]
    assert str(path) in failure["error"]
    assert "this job is computed again, and no other" in failure["error"]


@pytest.mark.slow
def test_what_was_labelled_at_home_is_not_queued(workdirs, tmp_path):
    home, _ = workdirs
    copy = Workdir(tmp_path / "w")
    shutil.copytree(home.root, copy.root)
    write_queue_file(copy, queue(copy))
    response = run_stage.original(str(copy.root), "label", None, queue(copy).generation)
    assert response.output == {"summary": "0 jobs left for 4 runs"}
    assert response.detour is None


def test_what_an_earlier_version_has_labelled_is_refused(workdirs, tmp_path):
    home, _ = workdirs
    copy = Workdir(tmp_path / "w")
    shutil.copytree(home.root, copy.root)
    for earlier in ("labels/labels.sqlite", "queue/label/results"):
        (copy.root / earlier).mkdir(parents=True)
        for stage in (label, collect):
            with pytest.raises(CuprolithError, match=r"earlier version.*\n.*Cuprolith 0\.1\.0"):
                stage(copy)
        shutil.rmtree(copy.root / earlier)


@pytest.mark.slow
def test_brought_home_it_goes_on_without_labelling(workdirs, capsys):
    _, away = workdirs
    before = {path: path.stat().st_mtime_ns for path in Path(away.runs).rglob("*")}
    summary = label(away)
    assert (summary.finished, summary.failed) == (4, 0)
    events = [json.loads(line)["event"] for line in away.label_log.read_text().splitlines()]
    assert set(events) == {"skipped"}
    assert before == {path: path.stat().st_mtime_ns for path in Path(away.runs).rglob("*")}
