"""How many nodes a job occupies."""

from __future__ import annotations

import math
from typing import Any

_PBS_SELECT = "select="


def job_nodes(resources: Any) -> int:
    """Return the nodes that resources of jobflow-remote ask for; one where they do not say.

    Parameters
    ----------
    resources
        qtoolkit's ``QResources``, or a dictionary with the keys of a scheduler's template.
    """
    if not isinstance(resources, dict):
        resources = vars(resources) if resources is not None else {}
    nodes = resources.get("nodes")
    if str(nodes).isdecimal():
        return int(str(nodes))
    processes, per_node = resources.get("processes"), resources.get("processes_per_node")
    if processes and per_node:
        return math.ceil(processes / per_node)
    select = str(resources.get("select") or "")
    if not select.startswith(_PBS_SELECT):
        return 1
    # select=2:ncpus=32+1:ncpus=4 are three nodes; a chunk without a number is one
    counts = [chunk.partition(":")[0] for chunk in select.removeprefix(_PBS_SELECT).split("+")]
    return sum(int(count) if count.isdecimal() else 1 for count in counts)
