"""A campaign with a study: one flow; the stages before it are stood in for, trials simulated."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from jobflow import Flow, job
from simulated_trials import SimulatedTrials

from analysis.tuning.pareto import load_pareto
from cuprolith.errors import CuprolithError
from cuprolith.json_files import read_json
from training.dataset.builder import build_dataset
from training.dataset.frames import Frame
from training.settings import DatasetSettings
from workflows import pipeline
from workflows.inputs.campaign import load_campaign
from workflows.jobs.job_ids import stable_uuid
from workflows.jobs.job_log import read_job_log
from workflows.stages import collect, generate, label, train
from workflows.tuning import run
from workflows.workdir import Workdir

CAMPAIGN = """\
name: small
seed: 1
crystals:
  Cu: {prototype: fcc, a: 3.6}
structures:
  bulk: {}
"""
TUNING = """\
tuning:
  generations: 2
  offspring: 3
  inference: {objective: flops}
  search_space:
    model.r_max: {type: float, low: 3.0, high: 8.0}
    learning_rate: {type: float, low: 1.0e-4, high: 1.0e-1, log: true}
    model.num_layers: {type: int, low: 1, high: 4}
"""


def copper_frame(number: int) -> Frame:
    atoms: Atoms = bulk("Cu", "fcc", 3.6 + 0.01 * number, cubic=True)
    atoms.positions += np.random.default_rng(number).normal(size=(4, 3)) * 0.1
    atoms.calc = EMT()
    return Frame(
        numbers=atoms.numbers.astype(np.int64),
        positions=atoms.positions,
        cell=atoms.cell.array,
        pbc=(True, True, True),
        energy=float(atoms.get_potential_energy()),
        forces=atoms.get_forces(),
        stress=None,
        structure_id=f"bulk-{number}",
        family="bulk",
        trajectory_id=f"run-{number}",
        step=0,
        engine="emt",
        functional="EMT",
        config_hash="c0ffee",
    )


@job
def one_label():
    return {"energy": 1.0}


def labelled():
    made = one_label()
    made.set_uuid(stable_uuid("label"))
    return made


@pytest.fixture
def stages_stood_in_for(monkeypatch):
    def collected(workdir):
        if not workdir.dataset_card.exists():
            runs = [[copper_frame(number)] for number in range(20)]
            build_dataset(runs, DatasetSettings(), workdir.dataset, seed=1)
        return "collected"

    monkeypatch.setattr(generate, "generate", lambda workdir: "generated")
    monkeypatch.setattr(label, "label_flow", lambda workdir: Flow([labelled()]))
    monkeypatch.setattr(pipeline, "planned_runs", lambda workdir: (None, []))
    monkeypatch.setattr(label, "summarise_labels", lambda workdir: "labelled")
    monkeypatch.setattr(collect, "collect", collected)
    monkeypatch.setattr(train, "train", lambda workdir: "trained")


def workdir(tmp_path, text):
    path = tmp_path / "campaign.yaml"
    path.write_text(text)
    opened = Workdir(tmp_path / "w")
    opened.freeze(load_campaign(path), update=True)
    return opened


def names(opened, event):
    return [entry["name"] for entry in read_job_log(opened.label_log) if entry["event"] == event]


@pytest.mark.usefixtures("stages_stood_in_for")
def test_the_study_runs_between_training_and_report(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "NequIPTrials", SimulatedTrials)
    opened = workdir(tmp_path, CAMPAIGN + TUNING)
    pipeline.run_pipeline(opened)
    finished = names(opened, "finished")
    assert finished[:3] == ["generate", "label", "one_label"]
    assert finished[3:] == ["collect", "train", "tune", "report"]
    folder = opened.study("allegro")
    assert load_pareto(folder / "pareto.json").n_trials == 6
    assert (folder / "report.html").is_file()
    assert "Tuning: Allegro on small" in opened.report_html.read_text()
    assert read_json(opened.timings_json)["stages"]["tune"] == 6.0
    pipeline.run_pipeline(opened)
    again = names(opened, "finished")[len(finished) :]
    assert again == ["generate", "label", "collect", "train", "tune", "report"]


class Broken(SimulatedTrials):
    def measure(self, study, folder, number, parameters):
        raise CuprolithError("no such device")


@pytest.mark.usefixtures("stages_stood_in_for")
def test_a_study_that_breaks_ends_the_campaign_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "NequIPTrials", Broken)
    with pytest.raises(CuprolithError, match="measure trial 0: no such device"):
        pipeline.run_pipeline(workdir(tmp_path, CAMPAIGN + TUNING))


def test_without_a_study_nothing_changes(tmp_path):
    plain = pipeline.pipeline_flow(workdir(tmp_path, CAMPAIGN))
    assert [job.name for job in plain.jobs] == ["generate", "label", "collect", "train", "report"]
    asked = workdir(tmp_path, CAMPAIGN + TUNING)
    assert [job.name for job in pipeline.pipeline_flow(asked).jobs][4:] == ["tune", "report"]
