"""What a campaign in the queue has not made yet, and how far it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from workflows.stage import Stage, ordered_stages

if TYPE_CHECKING:
    from workflows.hpc.jobs.status import CampaignStatus


def not_there_yet(paths: Iterable[str], status: CampaignStatus) -> str:
    """Return in one sentence what is missing in a campaign's folder, and why; empty if nothing is.

    Parameters
    ----------
    paths
        Files of the folder, relative to it.
    """
    present = list(paths)
    # The file that a stage writes last tells that what it makes is there.
    patterns = [
        stage.pattern for stage in ordered_stages() if stage.pattern and _is_due(stage, status)
    ]
    missing = [
        PurePosixPath(pattern).parts[0]
        for pattern in patterns
        if not any(fnmatchcase(path, pattern) for path in present)
    ]
    if not missing:
        return ""
    return f"no {', '.join(missing)} yet: {', '.join(_open_stages(status)) or 'no job is left'}"


def _is_due(stage: Stage, status: CampaignStatus) -> bool:
    """Whether every campaign has the stage, or this one has jobs of it."""
    return stage.wanted is None or any(each.stage == stage.name for each in status.stages)


def _open_stages(status: CampaignStatus) -> list[str]:
    done: Counter[str] = Counter()
    jobs: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for stage in status.stages:
        others = sum(stage.other.values())
        done[stage.stage] += stage.done
        failed[stage.stage] += stage.failed
        jobs[stage.stage] += stage.done + stage.left + stage.failed + others
    return [
        f"{done[name]} of {jobs[name]} {name or 'other'} jobs are done"
        + (f" and {failed[name]} failed" if failed[name] else "")
        for name in jobs
        if done[name] < jobs[name]
    ]
