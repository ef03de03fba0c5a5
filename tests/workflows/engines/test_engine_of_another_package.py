"""An engine that another package defines in one file labels a campaign."""

import os
import subprocess
import sys

ENGINE = """
from typing import Annotated, Literal

from pydantic import Field

from workflows.labelling.calculator_engine import CalculatorEntry, CalculatorSettings


class LennardJonesSettings(CalculatorSettings):
    name: Literal["lennard-jones"] = "lennard-jones"
    sigma: Annotated[float, Field(gt=0)] = 2.27


def load(settings, device):
    from ase.calculators.lj import LennardJones

    return LennardJones(sigma=settings.sigma, epsilon=0.4, rc=5.0, smooth=True)


ENGINE = CalculatorEntry(
    settings=LennardJonesSettings,
    load=load,
    described="a Lennard-Jones potential",
    functional="none",
    packages=("ase",),
    seconds_per_atom=1e-4,
)
"""
CAMPAIGN = """\
name: foreign
crystals: {Cu: {prototype: fcc, a: 3.6}}
structures:
  bulk: {strains: [-0.02, 0.0, 0.02]}
  slabs: [{crystal: Cu, miller_indices: [[1, 0, 0], [1, 1, 1], [1, 1, 0]], min_thickness: 3,
           vacuum: 8}]
engine: {name: lennard-jones, sigma: 2.2, task: static}
"""
RUN = """
from pathlib import Path
from workflows.doctor import examine
from workflows.inputs.campaign import load_campaign
from workflows.plan import plan_campaign
from workflows.stages.collect import collect
from workflows.stages.generate import generate
from workflows.stages.label import label
from workflows.workdir import Workdir
campaign = load_campaign(Path("campaign.yaml"))
plan = plan_campaign(campaign)
assert (plan.engine, plan.simulated, plan.uses_kpoints) == ("lennard-jones", True, False)
workdir = Workdir(Path("w"))
workdir.freeze(campaign)
generate(workdir)
print(label(workdir))
print(collect(workdir))
print([check.found for check in examine() if check.subject == "engine lennard-jones"])
"""


def test_an_engine_of_another_package_labels_a_campaign(tmp_path):
    (tmp_path / "foreign_engine.py").write_text(ENGINE)
    about = tmp_path / "foreign_engine-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-engine\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[cuprolith.engines]\nlennard-jones = foreign_engine:ENGINE\n"
    )
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    run = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "6 of 6 runs labelled, 6 ionic steps" in run.stdout
    assert "['ase 3." in run.stdout
    assert 'engine="lennard-jones"' in (tmp_path / "w/dataset/train.extxyz").read_text() or (
        "engine=lennard-jones" in (tmp_path / "w/dataset/train.extxyz").read_text()
    )
