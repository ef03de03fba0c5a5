"""Order the jobs of a flow."""

from __future__ import annotations

import warnings
from collections import deque

from jobflow import Flow, Job

JobOrder = deque[tuple[Job, frozenset[str]]]


def execution_order(flow: Flow | Job | list[Job | Flow]) -> JobOrder:
    """Return the jobs of a flow, parents first, each with the uuids of its parents.

    The order is that of ``Flow.iterflow``, but the graph is built once and the inputs of one job at
    a time are searched for references, so that memory does not grow with the flow. Parents may be
    jobs outside the flow.

    Raises
    ------
    ValueError
        If jobs depend on each other in a circle.
    """
    from jobflow.utils.graph import itergraph  # imports matplotlib

    graph = (flow if isinstance(flow, Flow) else Flow(flow)).graph
    jobs = {uuid: node["job"] for uuid, node in graph.nodes.items() if "job" in node}
    with warnings.catch_warnings():
        # jobflow warns that independent jobs may run in any order; that is fine here.
        warnings.simplefilter("ignore", UserWarning)
        return deque(
            (jobs[uuid], frozenset(graph.predecessors(uuid)))
            for uuid in itergraph(graph)
            if uuid in jobs
        )
