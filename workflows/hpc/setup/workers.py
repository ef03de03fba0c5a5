"""One jobflow-remote worker per resource class, and one for its short jobs where asked for."""

from __future__ import annotations

from typing import Any

from workflows.hpc.setup.job_environment import setup_lines, vasp_lines
from workflows.hpc.setup.settings import HpcSettings
from workflows.resource_classes import ResourceClass

VASP_EXECUTION = "vasp"
"""Name of the exec config that sets where VASP is."""

# -P: files in the job's folder must not be imported in place of modules.
_EXECUTE = "python -P -m workflows.hpc.submission.execute {}"


def batch_worker_name(resource_class: str) -> str:
    """Return the name of the worker for a class's short jobs."""
    return f"{resource_class}-batch"


def worker_documents(settings: HpcSettings) -> dict[str, dict[str, Any]]:
    """Return jobflow-remote's description of every worker, by name."""
    workers: dict[str, dict[str, Any]] = {}
    for name, given in settings.classes.items():
        workers[name] = _worker(settings, name, given.walltime)
        if given.batch is not None:
            short = {**_worker(settings, name, given.walltime), "max_jobs": given.batch.processes}
            workers[batch_worker_name(name)] = short
    return workers


def execution_documents(settings: HpcSettings) -> dict[str, dict[str, Any]]:
    """Return jobflow-remote's exec configs, by name."""
    lines = vasp_lines(settings)
    return {VASP_EXECUTION: {"pre_run": "\n".join(lines)}} if lines else {}


def _worker(settings: HpcSettings, name: ResourceClass, job_seconds: int) -> dict[str, Any]:
    resources = settings.resources(name)
    worker: dict[str, Any] = {
        **_host(settings),
        "scheduler_type": settings.scheduler,
        "work_dir": settings.work_dir,
        "resources": {key: value for key, value in resources.items() if value is not None},
        "pre_run": "\n".join(setup_lines(settings, name, job_seconds)),
        "execution_cmd": _EXECUTE,
        "max_jobs": settings.classes[name].max_jobs,
        "scheduler_username": settings.scheduler_user,
    }
    return {key: value for key, value in worker.items() if value is not None}


def _host(settings: HpcSettings) -> dict[str, Any]:
    ssh = settings.ssh
    if ssh is None:
        return {"type": "local"}
    given = {
        "type": "remote",
        "host": ssh.name,
        "user": ssh.user,
        "port": ssh.port,
        "key_filename": ssh.key_file,
    }
    return {name: value for name, value in given.items() if value is not None}
