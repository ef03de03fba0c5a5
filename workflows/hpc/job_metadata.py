"""Metadata of jobs in the queue, by which the verbs find them."""

from __future__ import annotations

from typing import Any

CAMPAIGN, STAGE, WORKDIR = "campaign", "stage", "workdir"
SUBMISSION, CAMPAIGN_HASH = "submission", "campaign_hash"
"""Metadata of flows: which flow of its folder it is, from 0, and for which campaign file."""
STRUCTURE = "structure_id"
SUPERSEDED = "superseded"
"""Metadata of jobs that a later submission has replaced; shown in place of their state."""


def in_database(key: str) -> str:
    """Return the name of a metadatum in jobflow-remote's documents of jobs."""
    return f"job.metadata.{key}"


def of_campaign(name: str) -> dict[str, Any]:
    """Return the query for the jobs of a campaign."""
    return {in_database(CAMPAIGN): name}
