"""A study through the jobs of a queue proposes, trains and judges what it would at home."""

import json
from dataclasses import replace

import pytest
from jobflow.managers.local import run_locally
from simulated_trials import SimulatedTrials
from test_pipeline_with_study import (
    CAMPAIGN,
    TUNING,
    copper_frame,
)

from training.dataset.builder import build_dataset
from training.settings import DatasetSettings
from workflows.environment import cuprolith_version
from workflows.hpc.submission import stage_jobs
from workflows.hpc.submission.queue_file import (
    QueueFile,
    Route,
    campaign_file_hash,
    write_queue_file,
)
from workflows.hpc.submission.stage_jobs import campaign_flow
from workflows.inputs.campaign import load_campaign
from workflows.resource_classes import RESOURCE_CLASSES
from workflows.stage import ordered_stages
from workflows.stages.tune import tune
from workflows.tuning import flow, run
from workflows.workdir import Workdir

pytest.importorskip("jobflow_remote")


def submitted(workdir, submission=0):
    """Run tune, judge and what they lead to; return what the queued jobs said."""
    queue = QueueFile(
        campaign="small",
        project="test",
        version=cuprolith_version(),
        submission=submission,
        campaign_hash=campaign_file_hash(workdir),
        routes={name: Route(worker=name) for name in RESOURCE_CLASSES},
        dft_large_from_atoms=100,
    )
    write_queue_file(workdir, queue)
    folder = workdir.root.parent / "jobs"
    folder.mkdir(exist_ok=True)
    flow = campaign_flow(workdir, queue, workdir.campaign())
    responses = run_locally(flow, root_dir=folder, log=False)
    return [by_index[1].output for by_index in responses.values()]


@pytest.fixture
def workdirs(tmp_path, monkeypatch):
    """One at home and one in a queue, both with the dataset; the other stages stand aside."""
    for module in (run, flow):
        monkeypatch.setattr(module, "NequIPTrials", SimulatedTrials)
    stages = {
        stage.name: stage
        if stage.name in ("tune", "judge")
        else replace(stage, run=lambda _: "done", jobs=None)
        for stage in ordered_stages()
    }
    monkeypatch.setattr(stage_jobs, "STAGES", stages)
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN + TUNING)
    made = []
    for name in ("home", "away"):
        workdir = Workdir(tmp_path / name)
        workdir.freeze(load_campaign(tmp_path / "campaign.yaml"))
        runs = [[copper_frame(number)] for number in range(20)]
        build_dataset(runs, DatasetSettings(), workdir.dataset, seed=1)
        made.append(workdir)
    return made


def front(workdir):
    content = json.loads((workdir.study("allegro") / "pareto.json").read_text())
    return content["points"], content["hypervolume"]


@pytest.mark.slow
def test_it_gives_the_front_that_it_gives_at_home(workdirs):
    home, away = workdirs
    tune(home)
    outputs = submitted(away)
    assert front(away) == front(home)
    ran = [name for output in outputs for name in output.get("jobs", [])]
    assert sum(name.startswith("train trial") for name in ran) == 6
    assert ran[0] == "propose generation 0"
    assert ran[-1] == "tell generation 1"
    assert (away.study("allegro") / "report.html").is_file()


def test_submitted_again_nothing_is_trained_again(workdirs):
    _, away = workdirs
    submitted(away)
    before = {path: path.stat().st_mtime_ns for path in away.root.glob("tuning/**/trial.json")}
    assert len(before) == 6
    outputs = submitted(away, submission=1)
    assert {"summary": "0 jobs left for the study"} in outputs
    assert not any("jobs" in output for output in outputs)
    assert before == {path: path.stat().st_mtime_ns for path in before}
