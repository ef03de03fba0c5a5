"""What a job has written of its end into its folder, where the node leaves it for the runner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

    from workflows.hpc.jobs.campaign_jobs import JobRecord

OUTPUT_FILE = "jfremote_out.json"


def has_ended(output: dict[str, Any] | None) -> bool:
    """Whether a job has come to its end, good or bad; it writes first when it starts."""
    return output is not None and ("response" in output or "error" in output)


def job_output(controller: JobController, job: JobRecord) -> dict[str, Any] | None:
    """Return what a job has written, or None."""
    from jobflow_remote.utils.remote import SharedHosts

    with SharedHosts(controller.project) as hosts:
        host = hosts.get_host(job.worker)
        path = Path(job.run_dir or "", OUTPUT_FILE)
        try:
            content = json.loads(host.read_text_file(str(path)))
        except (OSError, ValueError):
            return None
    return content if isinstance(content, dict) else None
