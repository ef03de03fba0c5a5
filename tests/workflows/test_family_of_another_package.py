"""A family that another package brings along: plan, generate and report know it."""

import json
import os
import subprocess
import sys

import ase.io
import numpy as np
import pytest

FAMILY = """
from typing import Annotated

from pydantic import Field
from pymatgen.core import Lattice, Structure

from cuprolith.settings import Listed, Settings
from generators.candidate import Candidate
from generators.family import Family, Kind


class ChainSettings(Settings):
    crystal: str
    spacings: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Listed] = Field(min_length=1)


def build(section, context):
    (symbol,) = {site.specie.symbol for site in context.crystals[section.crystal].primitive}
    context.budget.reserve(len(section.spacings), 1, context.where)
    for spacing in section.spacings:
        yield Candidate(
            structure=Structure(Lattice.orthorhombic(spacing, 12.0, 12.0), [symbol], [[0, 0, 0]]),
            family="chain",
            free_mask=(True,),
            parameters={"crystal": section.crystal, "spacing": spacing},
        )


FAMILY = Family(
    name="chains",
    settings=ChainSettings,
    build=build,
    kinds=(Kind("chain", caption="atoms in a row", colour="#12ab56", melts=True),),
    order=15,
    several=True,
    overlap=("spacings", "Raise `spacings`"),
)
"""
CAMPAIGN = """\
name: rows
crystals:
  Cu: {prototype: fcc, a: 3.6}
structures:
  bulk: {}
  slabs:
    - {crystal: Cu, miller_indices: [[1, 0, 0]], min_thickness: 5}
  chains:
    - {crystal: Cu, spacings: [2.3, 2.6]}
published:
  source: nobody
  counts: {chain: 3}
engine:
  name: diep-r2scan
  melt_quench: {melt_temperature: 600, final_temperature: 300, cooling_rate: 5900}
"""


WRONG = [
    ("chains:", "chain:", "did you mean `chains`?"),
    ("spacings:", "spacing:", "did you mean `spacings`?"),
    ("[2.3, 2.6]", "[2.3, 0.6]", "structures.chains[0].spacings"),
]
COMMANDS = """
import json, sys
from typer.testing import CliRunner
from workflows.cli.main import app
results = [CliRunner().invoke(app, words) for words in json.loads(sys.argv[1])]
print(json.dumps([[result.exit_code, result.output] for result in results]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rows")


@pytest.fixture(scope="module")
def results(folder):
    """Exit code and output of commands that one process runs, with the other package installed."""
    installed = folder / "installed"
    metadata = installed / "chains-1.0.dist-info"
    metadata.mkdir(parents=True)
    (installed / "chains.py").write_text(FAMILY)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: chains\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[cuprolith.families]\nchains = chains:FAMILY\n")
    (folder / "rows.yaml").write_text(CAMPAIGN)
    for number, (old, new, _) in enumerate(WRONG):
        (folder / f"wrong-{number}.yaml").write_text(CAMPAIGN.replace(old, new))
    commands = [
        ["plan", "rows.yaml", "--json"],
        ["generate", "rows.yaml", "--workdir", "work"],
        ["report", "--workdir", "work"],
        *(["plan", f"wrong-{number}.yaml"] for number in range(len(WRONG))),
    ]
    path = os.pathsep.join([str(installed), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "200"},
        cwd=folder,
        text=True,
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_plan_generate_and_report(folder, results):
    (planned, plan), (made, _), (reported, _) = results[:3]
    assert (planned, made, reported) == (0, 0, 0), results[:3]
    plan = json.loads(plan)
    assert [family["family"] for family in plan["families"]] == ["bulk", "chain", "slab"]
    assert plan["melt_quench"]["n_runs"] == 2

    workdir = folder / "work"
    rows = json.loads((workdir / "structures/structures.json").read_text())["structures"]
    assert [row["family"] for row in rows] == ["bulk", "chain", "chain", "slab"]
    images = ase.io.read(workdir / "structures/structures.extxyz", index=":")
    assert np.allclose([atoms.cell[0, 0] for atoms in images[1:3]], [2.3, 2.6])
    overview = json.loads((workdir / "structures/overview.json").read_text())
    (chains,) = (row for row in overview["families"] if row["family"] == "chain")
    assert (chains["structures"], chains["published"]) == (2, 3)

    page = next(workdir.rglob("*.html")).read_text()
    assert "atoms in a row · 2 structures of 1 atom" in page
    assert "#12ab56" in page


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_its_settings_are_checked_like_any_other(results, number):
    code, output = results[3 + number]
    assert code != 0
    assert WRONG[number][2] in output
