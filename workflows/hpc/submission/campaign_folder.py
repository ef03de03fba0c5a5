"""A campaign's folder on the cluster, to which a submission copies files."""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project
    from jobflow_remote.remote.host.base import BaseHost


class CampaignFolder:
    """The folder of a campaign on a host.

    Parameters
    ----------
    host
        A connected host of jobflow-remote, see `worker_host`.
    path
        Absolute, as all jobs see it.

    Raises
    ------
    CuprolithError
        If `path` is not absolute.
    """

    def __init__(self, host: BaseHost, path: PurePosixPath) -> None:
        if not path.is_absolute() or ".." in path.parts or not str(path).isprintable():
            raise CuprolithError(
                "give the full path of the campaign's folder on the cluster", where=str(path)
            )
        self.host = host
        self.path = path

    def exists(self, name: str) -> bool:
        """Return whether a file or folder exists."""
        return bool(self.host.exists(str(self.path / name)))

    def names(self, folder: str) -> list[str]:
        """Return the names of what a folder holds, relative to the campaign's."""
        if not self.exists(folder):
            return []
        return [f"{folder}/{name}" for name in self.host.listdir(str(self.path / folder))]

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is none."""
        content = io.BytesIO()
        try:
            self.host.get(str(self.path / name), content)
        except FileNotFoundError:
            return None
        return content.getvalue()

    def put(self, local: Path, name: str) -> None:
        """Copy a file there, complete or not at all; its folder is made.

        Raises
        ------
        CuprolithError
            If the host refuses.
        """
        place = self.path / name
        staged = place.with_name(f".{place.name}.partial")
        self._run(f"mkdir -p -- {shlex.quote(str(place.parent))}")
        self.host.put(str(local), str(staged))
        self._run(f"mv -fT -- {shlex.quote(str(staged))} {shlex.quote(str(place))}")

    def _run(self, command: str) -> None:
        # a host that sanitises its output returns the code of its own last command
        output, errors, _ = self.host.execute(f"( {command} ); printf '\\n%d' $?")
        output, _, code = output.rpartition("\n")
        if code.strip() != "0":
            raise CuprolithError(
                errors.strip() or output.strip() or f"`{command}` failed",
                where=str(self.path),
                remedy="look at that folder on the cluster",
            )


@contextmanager
def worker_host(project: Project, worker: str) -> Iterator[BaseHost]:
    """Connect to the host of a worker, and close the connection at the end.

    Raises
    ------
    CuprolithError
        If the project has no such worker, its host does not answer, or the connection breaks off.
    """
    if worker not in project.workers:
        raise CuprolithError(
            f"no worker {worker}; workers here: {', '.join(sorted(project.workers))}",
            where=f"project {project.name}",
        )
    from subprocess import TimeoutExpired

    from invoke.exceptions import CommandTimedOut
    from paramiko.ssh_exception import SSHException

    host = project.workers[worker].get_host()
    where, remedy = f"worker {worker}", f"try `jf -p {project.name} project check -w {worker}`"
    try:
        host.connect()
    # SSH libraries raise many kinds: names, keys, gateways, sockets
    except Exception as error:
        raise CuprolithError(f"no connection: {error}", where=where, remedy=remedy) from error
    try:
        yield host
    except (CommandTimedOut, TimeoutExpired, TimeoutError) as error:
        message = "the host takes too long to answer"
        raise CuprolithError(message, where=where, remedy=remedy) from error
    except (SSHException, EOFError, ConnectionError) as error:
        raise CuprolithError(
            f"the connection broke off: {str(error) or type(error).__name__}",
            where=where,
            remedy=f"run the same command again; if it happens again, {remedy}",
        ) from error
    finally:
        host.close()
