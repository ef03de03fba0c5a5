"""The script that a worker hands to its scheduler, made by jobflow-remote's own code."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project, WorkerBase


def job_script(
    project: Project, worker_name: str, *, job_name: str, run_dir: Path, exec_config: str = ""
) -> str:
    """Return the script of one job, as jobflow-remote's runner would submit it.

    Parameters
    ----------
    run_dir
        Absolute; where the job runs.
    exec_config
        Name of the exec config the job was submitted with.

    Raises
    ------
    CuprolithError
        If the project has no such worker.
    """
    from jobflow_remote.config.base import ExecutionConfig
    from jobflow_remote.remote.queue import ERR_FNAME, OUT_FNAME, QueueManager, set_name_out

    worker = _worker(project, worker_name)
    execution = (
        project.exec_config[exec_config] if exec_config else ExecutionConfig.model_validate({})
    )
    options = deepcopy(worker.resources or {})
    set_name_out(options, job_name, out_fpath=run_dir / OUT_FNAME, err_fpath=run_dir / ERR_FNAME)
    manager = QueueManager(scheduler_io=worker.get_scheduler_io(), host=worker.get_host())
    script: str = manager.get_submission_script(
        commands=[(worker.execution_cmd or "jf -fe execution run {}").format(run_dir)],
        options=options,
        work_dir=run_dir,
        pre_run="\n".join(filter(None, [worker.pre_run, execution.pre_run])),
        post_run="",
    )
    return script


def example_script(project: Project, worker_name: str) -> str:
    """Return the script that a worker submits for a job named ``example``.

    Raises
    ------
    CuprolithError
        If the project has no such worker.
    """
    run_dir = _worker(project, worker_name).work_dir / "aa" / "bb" / "cc" / "example"
    execution = next(iter(project.exec_config), "") if worker_name.startswith("dft-") else ""
    return job_script(
        project, worker_name, job_name="example", run_dir=run_dir, exec_config=execution
    )


def plain_job_name(name: str) -> str:
    """Return a job's name that does nothing in scripts and that all schedulers accept.

    jobflow-remote writes it unquoted into the header and, for batch workers, behind an ``echo``.
    PBS and SGE want a letter first.
    """
    plain = re.sub(r"[^A-Za-z0-9_.+=-]", "_", name)
    return plain if plain[:1].isalpha() else f"job_{plain}"


def _worker(project: Project, name: str) -> WorkerBase:
    if name not in project.workers:
        raise CuprolithError(
            f"the project has no worker {name}",
            remedy=f"choose one of {', '.join(project.workers)}",
        )
    return project.workers[name]
