"""Metadata of jobs in the queue: what the verbs know them by."""

from __future__ import annotations

from typing import Any

from workflows.tuning.resources import RESOURCE

CAMPAIGN, STAGE, WORKDIR = "campaign", "stage", "workdir"
SUBMISSION, CAMPAIGN_HASH = "submission", "campaign_hash"
"""Metadata of flows: which flow of its folder it is, from 0, and for which campaign file."""
STRUCTURE = "structure_id"
SUPERSEDED = "superseded"
"""Metadata of jobs whose work a later submission has taken over; its place of their state."""

__all__ = [
    "CAMPAIGN",
    "CAMPAIGN_HASH",
    "RESOURCE",
    "STAGE",
    "STRUCTURE",
    "SUBMISSION",
    "SUPERSEDED",
    "WORKDIR",
    "in_database",
    "of_campaign",
]


def in_database(key: str) -> str:
    """Return the name of a metadatum in jobflow-remote's documents of jobs."""
    return f"job.metadata.{key}"


def of_campaign(name: str) -> dict[str, Any]:
    """Return the query for the jobs of a campaign."""
    return {in_database(CAMPAIGN): name}
