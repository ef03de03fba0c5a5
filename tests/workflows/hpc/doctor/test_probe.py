import os
import platform
import socket
import sys

import pytest

from workflows.checks import Check
from workflows.environment import cuprolith_version
from workflows.hpc.doctor.probe import examine_node
from workflows.hpc.doctor.run_checks import checks_of


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Nothing of VASP or a scheduler in the environment; return where programs are looked for."""
    for name in ("VASP_CMD", "PMG_VASP_PSP_DIR", "SLURM_CPUS_ON_NODE", "NCPUS", "NSLOTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def found(folder, *, engines=False, gpus=None):
    output = examine_node("w", str(folder), engines=engines, gpus=gpus)
    return {check.subject: check for check in checks_of("w", output)}


def put(folder, name, script="#!/bin/sh\n"):
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def test_where_it_runs(node, tmp_path, capsys):
    (check,) = found(tmp_path).values()
    assert check.status == "ok"
    assert check.found.startswith(
        f"ran on {socket.gethostname()}: Cuprolith {cuprolith_version()}, "
        f"Python {platform.python_version()}, {len(os.sched_getaffinity(0))} core"
    )
    assert "`work_dir` writable" in check.found
    assert list(tmp_path.iterdir()) == [node]
    # the queue's log has it too
    assert capsys.readouterr().out.strip() == f"job on w: {check.found}"


def test_cores_as_the_scheduler_counts_them(node, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "12")
    assert "12 cores" in found(tmp_path)["job on w"].found


def test_a_folder_that_does_not_exist(node, tmp_path):
    check = found(tmp_path / "nothing")["job on w"]
    assert check.status == "missing"
    assert "No such file" in check.found


def test_engines_say_what_they_need(node, tmp_path):
    checks = found(tmp_path, engines=True)
    assert checks["VASP"].status == checks["VASP potentials"].status == "note"


@pytest.mark.parametrize(
    ("driver", "torch_sees", "asked", "status", "remedy"),
    [
        (1, 1, 1, "ok", ""),
        (1, 1, 0, "ok", ""),
        (0, 0, 0, "note", "gpus_per_node"),
        (0, 0, 1, "missing", "`gpu_type`"),
        (1, 0, 1, "missing", "CUDA build"),
        (1, 0, 0, "note", "gpus_per_node"),
        (1, 1, 4, "missing", "`gpus_per_node`"),
    ],
)
def test_gpus(node, tmp_path, monkeypatch, driver, torch_sees, asked, status, remedy):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: torch_sees)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "A100")
    end = "echo 'GPU 0: A100'" if driver else "echo 'cannot reach the driver'; exit 9"
    put(node, "nvidia-smi", f"#!/bin/sh\n{end}\n")
    check = found(tmp_path, gpus=asked)["GPU"]
    assert check.status == status
    assert remedy in check.remedy
    if status != "ok":
        assert f"nvidia-smi lists {driver or 'none'}" in check.found


def test_a_torch_that_does_not_load_is_reported(node, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    check = found(tmp_path, gpus=0)["GPU"]
    assert "torch sees none (" in check.found


def test_another_version_is_refused_with_both_named():
    output = {"cuprolith": "0.0.1", "executable": "/venv/py", "checks": []}
    (check,) = checks_of("w", output)
    assert check.status == "missing"
    assert f"Cuprolith 0.0.1 there of /venv/py, {cuprolith_version()} here" in check.found
    assert check.remedy.startswith(f"install {cuprolith_version()} there")


@pytest.mark.parametrize("given", [None, "text", {"cuprolith": cuprolith_version()}])
def test_an_answer_that_is_none(given):
    (check,) = checks_of("w", given)
    assert isinstance(check, Check)
    assert check.status == "missing"
