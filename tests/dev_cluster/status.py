"""How the parts of a dev cluster are."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from tests.dev_cluster.daemon import accepts_connections
from tests.dev_cluster.database import answers
from tests.dev_cluster.layout import Layout, node_name
from tests.dev_cluster.runner import runner_process
from tests.dev_cluster.slurm import is_usable, node_state
from tests.dev_cluster.state import ClusterState, part_daemon


class PartStatus(BaseModel):
    """One part.

    Attributes
    ----------
    serves
        Whether it runs and does what it is there for.
    """

    name: str
    serves: bool
    detail: str


def part_statuses(
    layout: Layout, state: ClusterState, environment: Mapping[str, str]
) -> list[PartStatus]:
    """Return how each part is, in the order in which they start."""
    signs = accepts_connections(layout.munge_socket)
    controlled = signs and part_daemon(layout, "slurmctld").pid is not None
    node = node_state(environment) if controlled else None
    return [
        _munged(layout, serves=signs),
        _slurmctld(layout, state, node),
        _slurmd(layout, node),
        _database(layout, state),
        _runner(layout),
    ]


def _munged(layout: Layout, *, serves: bool) -> PartStatus:
    pid = part_daemon(layout, "munged").pid
    return _part("munged", pid, serves=serves, detail=f"socket {layout.munge_socket}")


def _slurmctld(layout: Layout, state: ClusterState, node: str | None) -> PartStatus:
    pid = part_daemon(layout, "slurmctld").pid
    silent = "" if node else ", does not answer"
    detail = f"127.0.0.1:{state.ports['slurmctld']}{silent}"
    return _part("slurmctld", pid, serves=node is not None, detail=detail)


def _slurmd(layout: Layout, node: str | None) -> PartStatus:
    pid = part_daemon(layout, "slurmd").pid
    detail = f"node {node_name()} is {node or 'in a state that only slurmctld knows'}"
    return _part("slurmd", pid, serves=is_usable(node), detail=detail)


def _database(layout: Layout, state: ClusterState) -> PartStatus:
    pid, port = part_daemon(layout, "database").pid, state.ports["database"]
    serves = pid is not None and answers(port)
    silent = "" if serves else ", does not answer"
    detail = f"{state.database}, mongodb://127.0.0.1:{port}, no password{silent}"
    return _part("database", pid, serves=serves, detail=detail)


def _runner(layout: Layout) -> PartStatus:
    process = runner_process(layout.runner)
    detail = "jobflow-remote's, moves jobs between database and queue"
    return _part("runner", process.pid if process else None, serves=True, detail=detail)


def _part(name: str, pid: int | None, *, serves: bool, detail: str) -> PartStatus:
    if pid is None:
        return PartStatus(name=name, serves=False, detail="does not run")
    return PartStatus(name=name, serves=serves, detail=f"pid {pid}, {detail}")
