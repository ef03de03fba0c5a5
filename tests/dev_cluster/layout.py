"""Where the parts of a dev cluster keep their files."""

from __future__ import annotations

import os
import re
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from cuprolith.errors import CuprolithError
from cuprolith.hashes import sha256
from cuprolith.lock import HOLDER_FILE, LOCK_FILE

DEFAULT_FOLDER = Path("~/.cuprolith/dev-cluster")
STATE_FILE = "cluster.json"
RUNTIME_PARENT = Path("/tmp")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")
# The kernel's limit for a socket. slurmd's are the longest: slurm/spool/<node>_<job>.<step>
_LONGEST_SOCKET = 107
_SOCKET_BELOW_FOLDER = len("/slurm/spool/" + "_1234567.1234567890")


@dataclass(frozen=True)
class Layout:
    """Paths of a dev cluster's files, one property per thing.

    Attributes
    ----------
    folder
        Holds all that shall last; absolute.
    """

    folder: Path

    @classmethod
    def of(cls, folder: Path) -> Layout:
        """Return the layout of a folder as a person writes it."""
        return cls(folder.expanduser().resolve())

    @property
    def runtime(self) -> Path:
        """Short folder for the sockets, the same one each time.

        Every user must be able to reach munged's socket and no other user may change a folder
        above its key; in ``/tmp`` both hold whatever stands above the cluster's folder.
        """
        digest = sha256(os.fsencode(self.folder))[:8]
        return RUNTIME_PARENT / f"cuprolith-{os.geteuid()}-{digest}"

    @property
    def anchor(self) -> Path:
        """The folder under a name that SLURM and jobflow-remote can work with.

        jobflow-remote writes paths into shell commands unquoted, and sockets have short paths; a
        folder with another name is reached through a link.
        """
        name = str(self.folder)
        longest = _LONGEST_SOCKET - _SOCKET_BELOW_FOLDER - len(node_name())
        plain = _PLAIN_PATH.fullmatch(name) and len(name) <= longest
        return self.folder if plain else self._link

    @property
    def _link(self) -> Path:
        return self.runtime / "home"

    @property
    def state_file(self) -> Path:
        """Ports and choices."""
        return self.folder / STATE_FILE

    @property
    def munge(self) -> Path:
        """Munged's key and seed; readable by the owner alone."""
        return self.runtime / "munge"

    @property
    def munge_key(self) -> Path:
        """The key that signs what SLURM's parts tell each other."""
        return self.munge / "munge.key"

    @property
    def munge_socket(self) -> Path:
        """Where SLURM asks for signatures."""
        return self.runtime / "munge.socket"

    @property
    def slurm(self) -> Path:
        """SLURM's configuration, state and spool."""
        return self.anchor / "slurm"

    @property
    def slurm_conf(self) -> Path:
        """SLURM's configuration."""
        return self.slurm / "slurm.conf"

    @property
    def spool(self) -> Path:
        """Job scripts, and one socket per running job step."""
        return self.slurm / "spool"

    @property
    def logs(self) -> Path:
        """One log per part."""
        return self.anchor / "logs"

    @property
    def processes(self) -> Path:
        """One record per process."""
        return self.anchor / "processes"

    @property
    def projects(self) -> Path:
        """Folder of jobflow-remote's project files, unless another was asked for."""
        return self.anchor / "projects"

    @property
    def runner(self) -> Path:
        """Files of jobflow-remote's runner."""
        return self.anchor / "runner"

    @property
    def work(self) -> Path:
        """Where jobs run."""
        return self.anchor / "work"

    @property
    def environment_script(self) -> Path:
        """Shell script that sets the environment."""
        return self.anchor / "environment.sh"

    def database(self, server: str) -> Path:
        """Return the data folder of a database server; formats differ between servers."""
        return self.anchor / "database" / server

    def claim(self) -> None:
        """Make the folder.

        Raises
        ------
        CuprolithError
            If it holds something else.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = {path.name for path in self.folder.iterdir()} - {LOCK_FILE, HOLDER_FILE}
        if found and STATE_FILE not in found:
            raise CuprolithError(
                "this folder holds other files and no dev cluster",
                where=str(self.folder),
                remedy="name an empty or a new --folder",
            )

    def create(self) -> None:
        """Make the folders that are missing below and beside the folder.

        Raises
        ------
        CuprolithError
            If somebody else made the folder for the sockets.
        """
        _runtime_folder(self.runtime)
        if not self._link.is_symlink():
            self._link.symlink_to(self.folder)
        self.munge.mkdir(mode=0o700, exist_ok=True)
        for folder in (self.slurm / "state", self.spool, self.logs, self.processes, self.work):
            folder.mkdir(parents=True, exist_ok=True)


def _runtime_folder(runtime: Path) -> None:
    runtime.mkdir(mode=0o711, exist_ok=True)
    found = runtime.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise CuprolithError(
            "another user has made this folder, which the sockets of the cluster need",
            where=str(runtime),
            remedy="have it removed, or use another --folder",
        )
    runtime.chmod(0o711)


def node_name() -> str:
    """Return the node's name, which SLURM wants to be the host's."""
    return socket.gethostname().partition(".")[0]
