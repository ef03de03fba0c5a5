import json
import os
import platform
import socket
import sys

import pytest

from workflows.environment import cuprolith_version
from workflows.hpc.doctor.probe import NodeReport, examine_node


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Nothing of VASP or a scheduler in the environment; return where programs are looked for."""
    for name in ("VASP_CMD", "PMG_VASP_PSP_DIR", "SLURM_CPUS_ON_NODE", "NCPUS", "NSLOTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def report(folder, *, engine=False, gpu=False):
    return NodeReport.model_validate(examine_node(str(folder), engine=engine, gpu=gpu))


def put(folder, name, script="#!/bin/sh\n"):
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def test_where_it_runs(node, tmp_path, capsys):
    found = report(tmp_path)
    assert found.host == socket.gethostname()
    assert found.cuprolith == cuprolith_version()
    assert (found.python, found.executable) == (platform.python_version(), sys.executable)
    assert found.cores == len(os.sched_getaffinity(0))
    assert (found.engine, found.gpu, found.work_dir_problem) == (None, None, "")
    assert list(tmp_path.iterdir()) == [node]
    # the queue's log has it too
    assert json.loads(capsys.readouterr().out) == found.model_dump()


def test_cores_as_the_scheduler_counts_them(node, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "12")
    assert report(tmp_path).cores == 12


def test_a_folder_that_is_not_there(node, tmp_path):
    assert "No such file" in report(tmp_path / "nothing").work_dir_problem


def test_vasp(node, tmp_path, monkeypatch):
    assert report(tmp_path, engine=True).engine.programs is None
    monkeypatch.setenv("VASP_CMD", "my-vasp")
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(tmp_path / "potcars"))
    found = report(tmp_path, engine=True).engine
    assert (found.programs.missing, found.data_problem) == ("my-vasp", "No such file or directory")
    (tmp_path / "potcars").mkdir()
    assert report(tmp_path, engine=True).engine.data_problem == "the folder is empty"
    (tmp_path / "potcars" / "POT_GGA_PAW_PBE_54").mkdir()
    put(node, "my-vasp")
    found = report(tmp_path, engine=True).engine
    assert (found.programs.missing, found.data_problem) == ("", "")
    assert found.programs.found == {"my-vasp": str(node / "my-vasp")}


def test_gpus(node, tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "A100")
    put(node, "nvidia-smi", "#!/bin/sh\necho 'GPU 0: A100'; echo 'GPU 1: A100'\n")
    found = report(tmp_path, gpu=True).gpu
    assert (found.driver, found.torch) == (["GPU 0: A100", "GPU 1: A100"], ["A100"])
    put(node, "nvidia-smi", "#!/bin/sh\necho 'cannot reach the driver'; exit 9\n")
    assert report(tmp_path, gpu=True).gpu.driver == []


def test_a_torch_that_does_not_load_is_told(node, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    found = report(tmp_path, gpu=True).gpu
    assert found.torch == []
    assert "torch" in found.torch_problem
