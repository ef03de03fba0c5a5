"""Serialise jobs and flows as JSON, and rebuild them in another process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobflow import Flow, Job
from monty.json import MontyDecoder, jsanitize


def stored_job(job: Job) -> dict[str, Any]:
    """Serialise a job, and check that its function can be imported."""
    stored: dict[str, Any] = jsanitize(
        job.as_dict(), strict=True, enum_values=True, allow_bson=True
    )
    _require_function(MontyDecoder().process_decoded(stored["function"]))
    return stored


def rebuilt_job(stored: dict[str, Any]) -> Job:
    """Return the job that `stored_job` serialised.

    Raises
    ------
    ImportError
        If its function is missing; constructors may raise any error.
    """
    job = MontyDecoder().process_decoded(stored)
    _require_function(job.function)
    return job


def stored_flow(flow: Flow) -> dict[str, Any]:
    """Serialise a flow, and check that the functions of its jobs can be imported."""
    stored: dict[str, Any] = jsanitize(
        flow.as_dict(), strict=True, enum_values=True, allow_bson=True
    )
    for job in _stored_jobs(stored):
        _require_function(MontyDecoder().process_decoded(job["function"]))
    return stored


def _stored_jobs(flow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in flow["jobs"]:
        if "jobs" in part:
            yield from _stored_jobs(part)
        else:
            yield part


def rebuilt_flow(stored: dict[str, Any]) -> Flow:
    """Return the flow that `stored_flow` serialised.

    Raises
    ------
    ImportError
        If the function of a job is missing; constructors may raise any error.
    """
    flow = MontyDecoder().process_decoded(stored)
    for job in _jobs(flow):
        _require_function(job.function)
    return flow


def _jobs(flow: Flow) -> Iterator[Job]:
    for part in flow.jobs:
        if isinstance(part, Flow):
            yield from _jobs(part)
        else:
            yield part


def _require_function(function: Any) -> None:
    """Raise an ImportError if Monty found no such function and left it as it was stored."""
    if not callable(function):
        raise ImportError(f"no function {function.get('@module')}.{function.get('@callable')}")
