"""Stage *label* where a slab falls apart: the rest is labelled, and what is not is told."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from importlib import import_module

import numpy as np
import pytest
import yaml
from jobflow import Flow
from pymatgen.core import Structure

from workflows.engine import make_engine
from workflows.inputs.campaign import Campaign
from workflows.jobs.execution_order import execution_order
from workflows.labelling import label_plan
from workflows.labelling.calculator_makers import CalculatorRelaxMaker
from workflows.stages import collect
from workflows.stages import label as stage
from workflows.stages.generate import generate
from workflows.workdir import Workdir

CAMPAIGN = """\
name: tiny
crystals:
  Cu: {prototype: fcc, a: 3.575}
  Li: {prototype: bcc, a: 3.456}
structures:
  slabs:
    - {crystal: Cu, miller_indices: [[1, 0, 0]], min_thickness: 5.0, vacuum: 5.0}
    - {crystal: Li, miller_indices: [[1, 0, 0]], min_thickness: 5.0, vacuum: 5.0}
  vacancies: [{supercell: [2, 2]}]
  interfaces:
    - {substrate: Cu, film: Li, substrate_miller: [1, 0, 0], film_miller: [1, 0, 0],
       substrate_thickness: 5.0, film_thickness: 5.0}
engine:
  relax: {max_steps: 2}
  melt_quench: {cooling_rate: 60000, hold_steps: 1, segment_steps: 4}
"""


@dataclass
class CrumblingMaker(CalculatorRelaxMaker):
    """Relaxes as the engine does, but slabs of an element come out without their topmost atom."""

    crumbling: str = ""

    def label(self, structure, provenance):
        document = super().label(structure, provenance)
        final = Structure.from_dict(document.structure)
        if provenance.family == "slab" and final[0].specie.symbol == self.crumbling:
            final.translate_sites([len(final) - 1], [0, 0, 4.0], frac_coords=False)
            document.structure = final.as_dict()
        return document


@pytest.fixture
def workdir(tmp_path):
    workdir = Workdir(tmp_path)
    workdir.freeze(Campaign.model_validate(yaml.safe_load(CAMPAIGN)))
    generate(workdir)
    return workdir


@pytest.fixture
def labelled(workdir):
    stage.label(workdir)
    return workdir


def crumble(monkeypatch, symbol):
    def engine(settings):
        made = make_engine(settings)
        fields = {
            name: getattr(made.relax, name) for name in ("settings", "config_hash", "calculator")
        }
        return replace(made, relax=CrumblingMaker(**fields, crumbling=symbol))

    monkeypatch.setattr(label_plan, "make_engine", engine)


def counted(monkeypatch, target, calls):
    module, _, name = target.rpartition(".")
    function = getattr(import_module(module), name)

    def counting(*arguments):
        calls[name] += 1
        return function(*arguments)

    monkeypatch.setattr(target, counting)


@pytest.mark.parametrize("run", [stage.label, collect.collect])
def test_the_campaign_is_parsed_and_the_structures_are_read_once(labelled, monkeypatch, run):
    calls = Counter()
    counted(monkeypatch, "workflows.inputs.campaign.load_campaign", calls)
    counted(monkeypatch, "workflows.labelling.label_plan.iter_structures", calls)
    counted(monkeypatch, "workflows.labelling.label_plan.label_runs", calls)
    run(Workdir(labelled.root))
    assert calls == {"load_campaign": 1, "iter_structures": 1, "label_runs": 1}


def test_what_a_fallen_slab_leaves_out_is_told(workdir, monkeypatch):
    crumble(monkeypatch, "Li")
    summary = stage.label(workdir)
    assert (summary.finished, summary.skipped, summary.fallen_apart, summary.failed) == (3, 2, 1, 0)
    assert "1 slab fell apart, 2 structures skipped" in str(summary)
    labels = json.loads(workdir.labels_json.read_text())
    fallen = {row["family"]: row["fallen_apart"] for row in labels["trajectories"]}
    assert fallen.keys() == {"slab", "vacancy_2x2"}
    [parent] = [row for row in labels["trajectories"] if row["fallen_apart"]]
    assert {row["family"] for row in labels["skipped"]} == {"vacancy_2x2", "interface"}
    for row in labels["skipped"]:
        assert row["reason"].startswith(f"{parent['structure_id']}: it fell apart")


def test_the_whole_campaign_is_one_ordered_flow(workdir):
    plan = label_plan.LabelPlan.of(workdir)
    runs, flow = plan.runs, Flow(list(plan.flows()))
    order = [(job.uuid, parents) for job, parents in execution_order(flow)]
    places = {uuid: place for place, (uuid, _) in enumerate(order)}
    assert all(places[parent] < places[uuid] for uuid, parents in order for parent in parents)
    for run in runs:
        for parent in run.parents:
            assert places[parent.job_uuids[0]] < places[run.start_uuid] < places[run.job_uuids[0]]
    assert sum(len(run.parents) for run in runs) == 4  # of two vacancies and an interface
    assert np.array_equal(sorted(places.values()), range(len(runs) + 3))
