"""A campaign with a study, run whole: the stages before it are stood in for, trials simulated."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from simulated_trials import SimulatedTrials

from analysis.tuning.pareto import load_pareto
from cuprolith.errors import CuprolithError
from cuprolith.json_files import read_json
from training.dataset.builder import build_dataset
from training.dataset.frames import Frame
from training.settings import DatasetSettings
from workflows import pipeline
from workflows.inputs.campaign import load_campaign
from workflows.stage import campaign_stages, ordered_stages
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


@pytest.fixture
def stages_stood_in_for(monkeypatch):
    def collected(workdir):
        if not workdir.dataset_card.exists():
            runs = [[copper_frame(number)] for number in range(20)]
            build_dataset(runs, DatasetSettings(), workdir.dataset, seed=1)
        return "collected"

    stand_ins = {
        "generate": lambda workdir: "generated",
        "label": lambda workdir: "labelled",
        "collect": collected,
        "train": lambda workdir: "trained",
        "validate": lambda workdir: "validated",
    }
    stages = tuple(
        replace(stage, run=stand_ins.get(stage.name, stage.run)) for stage in ordered_stages()
    )
    monkeypatch.setattr("workflows.stage.ordered_stages", lambda: stages)
    told = []
    monkeypatch.setattr(pipeline, "announce", told.append)
    return told


def workdir(tmp_path, text):
    path = tmp_path / "campaign.yaml"
    path.write_text(text)
    opened = Workdir(tmp_path / "w")
    opened.freeze(load_campaign(path), update=True)
    return opened


@pytest.mark.slow
def test_the_study_runs_between_training_and_report(tmp_path, monkeypatch, stages_stood_in_for):
    monkeypatch.setattr(run, "NequIPTrials", SimulatedTrials)
    opened, told = workdir(tmp_path, CAMPAIGN + TUNING), stages_stood_in_for
    pipeline.run_pipeline(opened)
    begun = [line.removeprefix("● ") for line in told if line.startswith("● ")]
    assert begun == ["generate", "label", "collect", "train", "validate", "tune", "report"]
    folder = opened.study("allegro")
    assert load_pareto(folder / "pareto.json").n_trials == 6
    assert (folder / "report.html").is_file()
    assert "Tuning: Allegro on small" in opened.report_html.read_text()
    assert read_json(opened.timings_json)["stages"]["tune"] == 6.0
    before = list(told)
    pipeline.run_pipeline(opened)
    assert told[len(before) :] == before


class Broken(SimulatedTrials):
    def measure(self, study, folder, number, parameters):
        raise CuprolithError("no such device")


def test_a_study_that_breaks_ends_the_campaign_with_its_reason(
    tmp_path, monkeypatch, stages_stood_in_for
):
    monkeypatch.setattr(run, "NequIPTrials", Broken)
    with pytest.raises(CuprolithError, match="measure trial 0: no such device"):
        pipeline.run_pipeline(workdir(tmp_path, CAMPAIGN + TUNING))
    assert stages_stood_in_for[-1] == "● tune"


def test_without_a_study_nothing_changes(tmp_path):
    plain, asked = (
        [stage.name for stage in campaign_stages(workdir(tmp_path, text).campaign())]
        for text in (CAMPAIGN, CAMPAIGN + TUNING)
    )
    assert plain == ["generate", "label", "collect", "train", "validate", "report"]
    assert asked == [*plain[:-1], "tune", "judge", "report"]
