"""An SSH server of our own on this machine, for hosts that are reached through one."""

import getpass
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.dev_cluster.daemon import Daemon
from tests.dev_cluster.ports import free_port, port_is_free

_SETTINGS = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
"""


def start_ssh_server(folder):
    """Start a server; return it and the worker's keys that lead to it. Skips if there is none."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or shutil.which("ssh-keygen") is None:
        pytest.skip("no SSH server here")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host_key", "key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    port = free_port()
    settings = folder / "sshd_config"
    settings.write_text(_SETTINGS.format(port=port, folder=folder))
    daemon = Daemon("sshd", folder / "stat", folder / "log")
    daemon.start([program, "-D", "-e", "-f", str(settings)], os.environ, folder)
    daemon.wait_until(lambda: not port_is_free(port), 20)
    return daemon, {
        "type": "remote",
        "host": "127.0.0.1",
        "port": port,
        "user": getpass.getuser(),
        "key_filename": str(folder / "key"),
        "connect_kwargs": {"allow_agent": False, "look_for_keys": False},
    }
