"""What a dev cluster chose when it was started first, and the processes of its parts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from cuprolith.errors import CuprolithError
from cuprolith.json_files import read_json, write_json
from tests.dev_cluster.daemon import Daemon
from tests.dev_cluster.database import database_server
from tests.dev_cluster.layout import Layout
from tests.dev_cluster.ports import free_port, port_is_free
from tests.dev_cluster.project import carry_settings, remove_project

Part = Literal["munged", "slurmctld", "slurmd", "database"]
_PARTS_WITH_PORTS: tuple[Part, ...] = ("slurmctld", "slurmd", "database")


class ClusterState(BaseModel):
    """Choices that hold from one start to the next.

    Attributes
    ----------
    ports
        Port of each part that has one.
    database
        Name of the database server.
    cpus
        Cores of the node.
    projects
        Folder of jobflow-remote's project files.
    """

    ports: dict[str, int]
    database: str
    cpus: int
    projects: Path


def part_daemon(layout: Layout, part: Part) -> Daemon:
    """Return the process of a part."""
    return Daemon(part, layout.processes / f"{part}.stat", layout.logs / f"{part}.log")


def read_state(layout: Layout) -> ClusterState:
    """Return the choices of a cluster.

    Raises
    ------
    CuprolithError
        If it has never been started, or the file with them is broken.
    """
    if not layout.state_file.exists():
        raise CuprolithError(
            "there is no dev cluster here",
            where=str(layout.folder),
            remedy="start one: python -m tests.dev_cluster up",
        )
    try:
        return ClusterState.model_validate(read_json(layout.state_file))
    except ValidationError as error:
        raise CuprolithError(
            f"this is not the state of a dev cluster: {error.errors()[0]['msg']}",
            where=str(layout.state_file),
            remedy="use another --folder",
        ) from error


def choose_state(layout: Layout, cpus: int | None, projects: Path | None) -> ClusterState:
    """Return the choices of before with those of now, and write them down.

    A project in a folder that was given up is removed; its settings go along. A port at which
    something else listens by now is changed for another.

    Parameters
    ----------
    cpus
        As before if None, or else what this process may use.
    projects
        As before if None, or else a folder of the cluster's own.
    """
    before = read_state(layout) if layout.state_file.exists() else None
    state = ClusterState(
        ports=_ports(layout, before.ports if before else {}),
        database=database_server(before.database if before else None).name,
        cpus=before.cpus if before else len(os.sched_getaffinity(0)),
        projects=before.projects if before else layout.projects,
    )
    if cpus is not None:
        state.cpus = cpus
    if projects is not None:
        state.projects = projects.expanduser().absolute()
    moved_from = before.projects if before and state.projects != before.projects else None
    if moved_from is not None:
        carry_settings(moved_from, state.projects, layout)
    if state != before:
        write_json(layout.state_file, state.model_dump(mode="json"))
    if moved_from is not None:
        remove_project(moved_from, layout)
    return state


def _ports(layout: Layout, before: dict[str, int]) -> dict[str, int]:
    ports: dict[str, int] = {}
    for part in _PARTS_WITH_PORTS:
        port = before.get(part)
        ours = part_daemon(layout, part).pid is not None
        while port is None or port in ports.values() or not (ours or port_is_free(port)):
            port = free_port()
        ports[part] = port
    return ports
