"""The MongoDB-wire server of a dev cluster: MongoDB's own, or a small one."""

from __future__ import annotations

import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cuprolith.errors import CuprolithError
from tests.dev_cluster.ports import port_is_free

DATABASE = "cuprolith"
_MONGOD = "mongod"
_SECANTUSD = "secantusd-py"
_ANSWER_MS = 2000


@dataclass(frozen=True)
class DatabaseServer:
    """A program that speaks MongoDB's protocol; it runs as a process of its own."""

    name: str
    program: str

    def command(self, port: int, data: Path) -> list[str]:
        """Return the command line; it listens on the loopback address, without passwords."""
        if self.name == _MONGOD:
            listen = ["--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket"]
            return [self.program, *listen, "--dbpath", str(data), "--quiet"]
        listen = ["--host", "127.0.0.1", "--port", str(port)]
        # without the last flag, documents of minutes ago are lost when the server is killed
        storage = ["--storage-path", str(data), "--cache-size", "256M", "--standalone"]
        storage.append("--sync-on-commit")
        return [self.program, *listen, *storage]


def database_server(name: str | None = None) -> DatabaseServer:
    """Return the server to use: `mongod` if there is one, else `secantusd-py`.

    Parameters
    ----------
    name
        The server whose data is already there; the two do not read each other's.

    Raises
    ------
    CuprolithError
        If it is not installed.
    """
    for candidate in (name,) if name else (_MONGOD, _SECANTUSD):
        if program := find_program(candidate):
            return DatabaseServer(candidate, program)
    if name == _MONGOD:
        raise CuprolithError(
            "the data of this dev cluster is mongod's, which is not on the path",
            remedy="put mongod on the path, or start again from nothing: "
            "python -m tests.dev_cluster down --purge",
        )
    raise CuprolithError(
        "there is no database server: neither mongod nor secantusd-py",
        remedy="install MongoDB so that mongod is on the path, or: pip install secantusdb",
    )


def find_program(name: str) -> str | None:
    """Return a program beside the Python that runs, else one on the path."""
    return shutil.which(name, path=scripts_folder()) or shutil.which(name)


def scripts_folder() -> str:
    """Return the folder of the commands of the Python that runs."""
    return sysconfig.get_path("scripts")


def answers(port: int) -> bool:
    """Return whether a MongoDB-wire server answers at a port of this machine."""
    if port_is_free(port):
        return False
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    client: MongoClient[dict[str, Any]]
    try:
        with MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=_ANSWER_MS) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True
