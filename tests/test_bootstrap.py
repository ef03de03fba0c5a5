import importlib.util
import subprocess
import sys

import pytest
from readme_commands import ROOT


@pytest.fixture
def bootstrap():
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def calls(bootstrap, monkeypatch, tmp_path):
    """Record what building the environment would run, without running it."""
    recorded = []

    def run(command, **_):
        recorded.append([str(part) for part in command])
        return subprocess.CompletedProcess(command, 0, "GPU 0: something", "")

    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap.subprocess, "run", run)
    return recorded


def installs(calls):
    return [call[3:] for call in calls if call[1:3] == ["-m", "pip"]]


def test_torch_comes_first_and_exact(bootstrap, calls, monkeypatch):
    monkeypatch.setattr(bootstrap, "has_nvidia_gpu", lambda: False)
    bootstrap.build_environment()
    first, second, third = installs(calls)
    assert first[:2] == ["install", "torch==2.13.0"]
    assert second[:2] == ["install", "--requirement"]
    assert third[:3] == ["install", "--no-deps", "--editable"]
    assert bootstrap.read_stamp() == bootstrap.wanted_stamp()


def test_what_is_installed_is_compiled_once(bootstrap, calls):
    bootstrap.build_environment()
    assert all("--no-compile" in call for call in installs(calls))
    (compiling,) = (place for place, call in enumerate(calls) if "compileall" in call)
    assert compiling == len(calls) - 1


@pytest.mark.parametrize(("gpu", "cpu_index"), [(True, False), (False, True)])
def test_torch_build_follows_the_machine(bootstrap, calls, monkeypatch, gpu, cpu_index):
    monkeypatch.setattr(bootstrap, "has_nvidia_gpu", lambda: gpu)
    monkeypatch.setattr(bootstrap.sys, "platform", "linux")
    bootstrap.build_environment()
    assert (bootstrap.TORCH_CPU_INDEX in installs(calls)[0]) == cpu_index


def test_gpu_is_found_by_the_drivers_tool(bootstrap, calls, monkeypatch):
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _name: None)
    assert not bootstrap.has_nvidia_gpu()
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert bootstrap.has_nvidia_gpu()


def test_stamp_follows_the_lock(bootstrap, monkeypatch, tmp_path):
    before = bootstrap.wanted_stamp()
    other = tmp_path / "requirements.lock"
    other.write_text("numpy==1.0\n")
    monkeypatch.setattr(bootstrap, "LOCK", other)
    assert bootstrap.wanted_stamp() != before


def test_help_builds_nothing():
    run = subprocess.run(
        [sys.executable, ROOT / "bootstrap.py", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "bootstrap.py cuprolith run" in run.stdout


def test_lock_pins_every_declared_dependency():
    import re
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["hpc"], *extras["dev"]]
    names = {re.split(r"[=<>~!\[ ]", requirement)[0].lower() for requirement in declared}
    locked = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if line and not line.startswith("#")
    }
    # torch comes first, by bootstrap.py; the developers' extra names one of our own
    assert names - locked == {"torch", "cuprolith"}
