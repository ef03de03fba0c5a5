import subprocess

import pytest
from typer.testing import CliRunner

from cuprolith.errors import CuprolithError
from tests.dev_cluster import slurm
from tests.dev_cluster.__main__ import app
from tests.dev_cluster.cluster import DevCluster


def give(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_status_of_none(tmp_path):
    result = give("status", "--folder", tmp_path / "c")
    assert result.exit_code == 1
    assert "there is no dev cluster here" in " ".join(result.stderr.split())
    assert not (tmp_path / "c").exists()


def test_down_of_none(tmp_path):
    result = give("down", "--folder", tmp_path / "c")
    assert result.exit_code == 0
    assert "nothing ran" in result.stdout
    assert not (tmp_path / "c").exists()


def test_up_without_slurm_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(slurm, "_SYSTEM_FOLDERS", ())
    result = give("up", "--folder", tmp_path / "c")
    assert result.exit_code == 1
    assert "apt-get install slurm-wlm munge" in result.stderr
    assert not (tmp_path / "c").exists()


@pytest.mark.slow
def test_from_up_to_down(tmp_path):
    """What `up` prints are commands that work in a fresh shell."""
    folder = tmp_path / "it's a cluster"
    try:
        up = give("up", "--folder", folder)
        if up.exit_code and "install" in up.stderr:
            pytest.skip(up.stderr)
        assert up.exit_code == 0, up.stderr
        assert "no password" in up.stdout
        assert give("status", "--folder", folder).exit_code == 0
        source, start, squeue = (line.strip() for line in up.stdout.splitlines()[-3:])
        assert start == "jf runner start"
        shell = f"{source} && {squeue} && sinfo && jf project list"
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        done = subprocess.run(
            ["bash", "-c", shell], env=environment, capture_output=True, text=True, check=True
        )
        assert "idle" in done.stdout
        assert "dev-cluster" in done.stdout
    finally:
        down = give("down", "--folder", folder, "--purge")
    assert down.exit_code == 0
    assert not folder.exists()


@pytest.mark.parametrize("text", ["{", "{}", '{"ports": 1}'])
def test_a_broken_state_is_an_error_with_a_place(tmp_path, text):
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "cluster.json").write_text(text)
    with pytest.raises(CuprolithError, match=r"cluster\.json"):
        _ = DevCluster(folder).state
