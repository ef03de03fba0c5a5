"""docs/tutorials/queue.md, given to a shell as it is, from the start of a cluster to the report."""

import json
import re

import pytest

from tests.dev_cluster.shell_home import ROOT, give, home_of_its_own

TUTORIAL = ROOT / "docs" / "tutorials" / "queue.md"


def commands():
    blocks = re.findall(r"```bash\n(.*?)```", TUTORIAL.read_text(), flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.mark.slow
def test_the_tutorial_ends_in_a_report():
    with home_of_its_own() as (home, variables):
        (home / "inputs").symlink_to(ROOT / "inputs")
        said = give([line for line in commands() if "down" not in line], home, variables)
        assert "6 stages added" in said
        assert "nothing added" in said
        workdir = home / "campaigns" / "queue_rehearsal"
        assert "queue_rehearsal" in (workdir / "report" / "index.html").read_text()
        labels = json.loads((workdir / "labels" / "labels.json").read_text())
        assert [row["task"] for row in labels["trajectories"]] == ["relax"] * 4 + ["melt_quench"]
        assert all(row["complete"] for row in labels["trajectories"])
        assert labels["failures"] == labels["skipped"] == []
        assert "not from a DFT calculation" in labels["simulated_by"]
        # at home nothing is left to label
        events = [json.loads(line)["event"] for line in (workdir / "labels" / "log.jsonl").open()]
        assert set(events) == {"skipped"}
        give([line for line in commands() if "down" in line], home, variables)
        assert not (home / ".cuprolith" / "dev-cluster").exists()
