"""Golden files: what each resource class hands to each scheduler.

After a wanted change, write them again with
``python tests/workflows/hpc/setup/test_job_scripts.py`` and review the difference.
"""

import re
import subprocess
from pathlib import Path

import pytest

from workflows.hpc.setup.job_script import job_script
from workflows.hpc.setup.project import ProjectFiles, validated_project
from workflows.hpc.setup.settings_file import read_settings

pytest.importorskip("jobflow_remote")

GOLDEN = Path(__file__).parent / "golden"
DOCS = Path(__file__).parents[4] / "docs" / "reference" / "job_scripts.md"
SCHEDULERS = ("slurm", "pbs", "sge")  # in the order of the page
WORKERS = ("dft-small", "dft-small-batch", "dft-large", "gpu", "cpu")
DIRECTIVE = {"slurm": "#SBATCH ", "pbs": "#PBS ", "sge": "#$ "}


def scripts(scheduler):
    settings = read_settings(GOLDEN / "settings" / f"{scheduler}.yaml")
    project = validated_project(settings, ProjectFiles(Path("/projects"), settings.project))
    return {name: job_script(project, name) + "\n" for name in project.workers}


def golden_file(scheduler, worker):
    return GOLDEN / scheduler / f"{worker}.sh"


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_each_script_is_as_reviewed(scheduler):
    made = scripts(scheduler)
    assert sorted(made) == sorted(WORKERS)
    for worker, script in made.items():
        assert script.encode() == golden_file(scheduler, worker).read_bytes(), worker


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("worker", WORKERS)
def test_each_script_is_shown_in_the_documentation(scheduler, worker):
    assert golden_file(scheduler, worker).read_text() in DOCS.read_text()


def test_the_overview_shows_one():
    shown = (DOCS.parents[1] / "how_to" / "cluster.md").read_text()
    assert golden_file("slurm", "dft-small").read_text() in shown


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("worker", WORKERS)
def test_bash_can_parse_it_and_directives_come_first(scheduler, worker):
    text = golden_file(scheduler, worker).read_text()
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    head = text.split("\n\n")[0].splitlines()
    assert head[0] == "#!/bin/bash"
    assert all(line.startswith(DIRECTIVE[scheduler]) for line in head[1:])


def test_slurm_knows_each_option():
    """The long options of sbatch's manual page (SLURM 22.05)."""
    known = {
        *("partition", "job-name", "nodes", "ntasks-per-node", "cpus-per-task", "mem", "time"),
        *("account", "constraint", "gres", "output", "error", "qos"),
    }
    for worker in WORKERS:
        text = golden_file("slurm", worker).read_text()
        options = re.findall(r"^#SBATCH --([a-z-]+(?==\S))\S*$", text, re.MULTILINE)
        assert set(options) <= known
        assert text.count("#SBATCH") == len(options)


def test_modules_come_before_python_and_python_before_the_work():
    lines = golden_file("slurm", "dft-small").read_text().splitlines()
    order = [
        "module load vasp",
        "source ",
        "export OMP_NUM_THREADS",
        "export VASP_CMD",
        "python -P",
    ]
    places = [next(i for i, line in enumerate(lines) if line.startswith(said)) for said in order]
    assert places == sorted(places)


def write():
    shown = ["# Job scripts of all schedulers", "", HEADER]
    for scheduler in SCHEDULERS:
        shown += [f"## {scheduler.upper() if scheduler != 'slurm' else 'SLURM'}", ""]
        settings = (GOLDEN / "settings" / f"{scheduler}.yaml").read_text()
        shown += ["Settings:", "", f"```yaml\n{settings}```", ""]
        for worker, script in scripts(scheduler).items():
            golden_file(scheduler, worker).parent.mkdir(exist_ok=True)
            golden_file(scheduler, worker).write_text(script)
            shown += [f"### {worker}", "", f"```bash\n{script}```", ""]
    DOCS.write_text("\n".join(shown))


HEADER = """What each worker gives to its scheduler, for a job named `example`. To print the scripts
for your own cluster, run `cuprolith hpc script WORKER`. jobflow-remote and qtoolkit make
them from the settings shown; tests compare them byte for byte. `sbatch --test-only` of SLURM 22.05
accepts its five, with a partition and sizes of the cluster used in place of theirs. No PBS and no
SGE was available: bash parses their scripts, and they were reviewed.
[How to write the settings](../how_to/cluster.md).
"""

if __name__ == "__main__":
    write()
