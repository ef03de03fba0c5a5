"""What a campaign in the queue has not made yet, and its progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from workflows.stage import ordered_stages

if TYPE_CHECKING:
    from workflows.hpc.jobs.status import CampaignStatus


def not_made_yet(paths: Iterable[str], status: CampaignStatus) -> str:
    """Return in one sentence what is missing in a campaign's folder, and why; empty if nothing is.

    Parameters
    ----------
    paths
        Files of the folder, relative to it.
    """
    present = list(paths)
    with_jobs = {each.stage for each in status.stages}
    # Where the file that a stage writes last exists, all that it makes does.
    missing = [
        PurePosixPath(stage.pattern).parts[0]
        for stage in ordered_stages()
        if stage.pattern
        and (stage.wanted is None or stage.name in with_jobs)
        and not any(fnmatchcase(path, stage.pattern) for path in present)
    ]
    if not missing:
        return ""
    return f"no {', '.join(missing)} yet: {', '.join(_open_stages(status)) or 'no job is left'}"


def _open_stages(status: CampaignStatus) -> list[str]:
    done: Counter[str] = Counter()
    jobs: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for stage in status.stages:
        done[stage.stage] += stage.done
        failed[stage.stage] += stage.failed
        jobs[stage.stage] += stage.done + stage.left + stage.failed + sum(stage.other.values())
    return [
        f"{name or 'other'}: {done[name]} of {jobs[name]} jobs are done"
        + (f" and {failed[name]} failed" if failed[name] else "")
        for name in jobs
        if done[name] < jobs[name]
    ]
