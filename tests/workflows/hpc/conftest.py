import io
import os
import shutil
from pathlib import PurePosixPath

import pytest

from cuprolith.errors import CuprolithError
from tests.dev_cluster.project import require_jobflow_remote
from tests.workflows.hpc.ssh_server import start_ssh_server
from workflows.hpc.fetching.rsync import remote_folder
from workflows.hpc.submission.campaign_folder import CampaignFolder, worker_host


@pytest.fixture(scope="session")
def ssh_worker(tmp_path_factory):
    """Where a worker reaches this machine through SSH."""
    daemon, keys = start_ssh_server(tmp_path_factory.mktemp("ssh"))
    try:
        yield keys
    finally:
        daemon.kill()


@pytest.fixture(params=["local", "local and sanitised", "ssh"])
def host_project(request, tmp_path):
    """A project whose worker `cpu` is reached in one of the ways there are; no database."""
    try:
        require_jobflow_remote()
    except CuprolithError as error:
        pytest.skip(str(error))
    from jobflow_remote.config.base import Project

    reached = {"type": "local"}
    if request.param.startswith("ssh"):
        reached = request.getfixturevalue("ssh_worker")
    worker = {"scheduler_type": "slurm", "work_dir": str(tmp_path), "resources": {}}
    return Project.model_validate(
        {
            "name": "test",
            "base_dir": str(tmp_path / "runner"),
            "workers": {
                "cpu": {
                    **worker,
                    **reached,
                    "sanitize_command": request.param.endswith("sanitised"),
                }
            },
            "queue": {"store": {"type": "MongoStore", "database": "d", "collection_name": "c"}},
        }
    )


@pytest.fixture
def there(tmp_path):
    """The campaign's folder on the cluster, as this machine sees it."""
    return tmp_path / "it's $HOME; a {folder} [of] -a" / "campaign*"


@pytest.fixture
def folder(host_project, there, monkeypatch):
    # Commands behind SSH are given our standard input, which pytest does not let be read.
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with worker_host(host_project, "cpu") as host:
        yield CampaignFolder(host, PurePosixPath(there))


@pytest.fixture
def target(tmp_path):
    """A folder at home."""
    folder = tmp_path / "home" / "campaigns"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def remote(host_project, there, tmp_path, monkeypatch):
    """The same folder, as a fetch reads it."""
    if shutil.which("rsync") is None:
        pytest.skip("no rsync here")
    if host_project.workers["cpu"].is_local is False:
        # the server has a new key each time, and the user's own list of hosts is left alone
        ssh = tmp_path / "bin" / "ssh"
        ssh.parent.mkdir()
        known = "-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        ssh.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} {known} "$@"\n')
        ssh.chmod(0o755)
        monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    return remote_folder(host_project, "cpu", PurePosixPath(there))
