import stat
from pathlib import Path

import pytest

from cuprolith.errors import CuprolithError
from tests.dev_cluster import slurm
from tests.dev_cluster.layout import Layout


@pytest.fixture
def layout(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.dev_cluster.layout.RUNTIME_PARENT", tmp_path)
    return Layout(Path("/home/ada/it's; a $HOME 100% cluster"))


def settings(layout):
    text = slurm.slurm_conf(layout, slurmctld_port=40001, slurmd_port=40002, cpus=3)
    lines = text.splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_the_configuration_needs_neither_root_nor_cgroups_nor_a_network(layout):
    conf = settings(layout)
    assert conf["SlurmUser"] == conf["SlurmdUser"]
    assert conf["SlurmctldHost"].endswith("(127.0.0.1)")
    assert "NodeAddr=127.0.0.1" in conf["NodeName"]
    assert set(conf["CommunicationParameters"].split(",")) == {"NoInAddrAny", "NoCtldInAddrAny"}
    assert not any("cgroup" in value for value in conf.values())
    assert conf["AccountingStorageType"] == "accounting_storage/none"
    assert conf["SlurmctldPort"] == "40001"
    assert conf["SlurmdPort"] == "40002"
    assert "CPUs=3" in conf["NodeName"]


def test_no_path_in_the_configuration_needs_quotes(layout):
    paths = [value for value in settings(layout).values() if "/" in value]
    assert not any(set(" '\"%;$#") & set(path) for path in paths)


@pytest.mark.parametrize(
    ("state", "usable", "out"),
    [
        ("idle", True, False),
        ("mixed", True, False),
        ("allocated", True, False),
        ("idle*", False, False),
        ("down", False, True),
        ("down*", False, True),
        ("drained", False, True),
        ("draining", False, True),
        (None, False, False),
    ],
)
def test_states_of_the_node(state, usable, out):
    assert slurm.is_usable(state) is usable
    assert slurm.is_out_of_service(state) is out


def test_what_to_install_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(slurm, "_SYSTEM_FOLDERS", ())
    with pytest.raises(CuprolithError, match="apt-get install slurm-wlm munge"):
        slurm.slurm_programs()


def test_the_key_is_the_owner_s_alone_and_stays(tmp_path, layout):
    layout.runtime.mkdir()
    layout.munge.mkdir()
    command = slurm.munged_command({"munged": "/usr/sbin/munged"}, layout)
    key = layout.munge_key.read_bytes()
    assert len(key) >= 32
    assert stat.S_IMODE(layout.munge_key.stat().st_mode) == 0o600
    assert slurm.munged_command({"munged": "/usr/sbin/munged"}, layout) == command
    assert layout.munge_key.read_bytes() == key


def test_an_error_of_slurm_is_told():
    with pytest.raises(CuprolithError, match="Invalid job id"):
        slurm.run_slurm({"PATH": "/bin:/usr/bin"}, "sh", "-c", "echo Invalid job id >&2; exit 1")


def test_a_command_that_waits_forever_is_ended():
    with pytest.raises(CuprolithError, match="timed out"):
        slurm.run_slurm({"PATH": "/bin:/usr/bin"}, "sleep", "10", seconds=0.2)
