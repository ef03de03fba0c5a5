import pytest

from tests.dev_cluster.project import prepare, write_settings_and_project
from workflows.hpc.setup.project import ProjectFiles
from workflows.hpc.setup.settings_file import checked_settings


@pytest.fixture
def licu_settings(wire_port, tmp_path):
    """Settings of a cluster whose file system is a folder here."""
    one = {"walltime": "01:00:00"}
    data = {
        "project": "licu",
        "scheduler": "slurm",
        "work_dir": str(tmp_path / "scratch"),
        "environment": {"bin": "/opt/python/bin"},
        "classes": {
            "dft-small": {**one, "batch": {"longest_job": "00:10:00", "up_to_atoms": 8}},
            "dft-large": one,
            "gpu": one,
            "cpu": one,
        },
        "vasp": {"command": "srun vasp_std"},
        "mongodb": {"host": "127.0.0.1", "port": wire_port, "database": f"licu_{tmp_path.name}"},
    }
    return checked_settings(data, tmp_path / "hpc.yaml")


@pytest.fixture
def licu(licu_settings, tmp_path):
    """jobflow-remote's controller of a project made from them."""
    from jobflow_remote.config.base import Project
    from ruamel.yaml import YAML

    files = ProjectFiles(tmp_path / "projects", licu_settings.project)
    write_settings_and_project(licu_settings, files)
    prepare(files)
    project = Project.model_validate(YAML(typ="safe").load(files.project.read_text()))
    opened = project.get_job_controller()
    yield opened
    opened.close()
