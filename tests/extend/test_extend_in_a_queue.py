"""The package of the docs on a true SLURM: its engine, family and variant, from plan to report."""

import json

import pytest

from tests.dev_cluster.shell_home import give, home_of_its_own
from tests.extend.example_package import campaign, install


@pytest.mark.slow
def test_a_campaign_of_another_packages_entries(tmp_path):
    install(tmp_path)
    with home_of_its_own(tmp_path) as (home, variables):
        (home / "example.yaml").write_text(campaign())
        commands = [
            "python -m tests.dev_cluster up",
            ". ~/.cuprolith/dev-cluster/environment.sh",
            "jf runner start",
            "cuprolith submit example.yaml",
            "cuprolith status --watch",
            "cuprolith fetch",
        ]
        give(commands, home, variables)
        workdir = home / "campaigns" / "example"
        labels = json.loads((workdir / "labels" / "labels.json").read_text())
        assert {row["family"] for row in labels["trajectories"]} == {"bulk", "sheared"}
        assert {row["task"] for row in labels["trajectories"]} == {"static"}
        assert labels["engine"] == "lennard-jones"
        assert labels["failures"] == []
        pareto = json.loads((workdir / "tuning" / "pair-network" / "pareto.json").read_text())
        assert pareto["n_trials"] == 2
        assert "crystals under simple shear" in (workdir / "report" / "index.html").read_text()
