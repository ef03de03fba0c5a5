"""The script that a worker hands to its scheduler, made by jobflow-remote's own code."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project


def job_script(
    project: Project, worker_name: str, *, job_name: str = "example", run_dir: Path | None = None
) -> str:
    """Return the script of one job, as jobflow-remote's runner would submit it.

    Workers for DFT get the first exec config of the project, as jobs that label do.

    Parameters
    ----------
    run_dir
        Absolute; where the job runs. An example by default.

    Raises
    ------
    CuprolithError
        If the project has no such worker.
    """
    from jobflow_remote.remote.queue import ERR_FNAME, OUT_FNAME, QueueManager, set_name_out

    if worker_name not in project.workers:
        raise CuprolithError(
            f"the project has no worker {worker_name}",
            remedy=f"choose one of {', '.join(project.workers)}",
        )
    worker = project.workers[worker_name]
    folder = run_dir or worker.work_dir / "aa" / "bb" / "cc" / "example"
    executions = project.exec_config.values() if worker_name.startswith("dft-") else ()
    pre_runs = [worker.pre_run, *(execution.pre_run for execution in executions)][:2]
    options = deepcopy(worker.resources or {})
    set_name_out(options, job_name, out_fpath=folder / OUT_FNAME, err_fpath=folder / ERR_FNAME)
    manager = QueueManager(scheduler_io=worker.get_scheduler_io(), host=worker.get_host())
    script: str = manager.get_submission_script(
        commands=[(worker.execution_cmd or "jf -fe execution run {}").format(folder)],
        options=options,
        work_dir=folder,
        pre_run="\n".join(filter(None, pre_runs)),
        post_run="",
    )
    return script


def plain_job_name(name: str) -> str:
    """Return a job's name that does nothing in scripts and that all schedulers accept.

    jobflow-remote writes it unquoted into the header and, for batch workers, behind an ``echo``.
    PBS and SGE want a letter first.
    """
    plain = re.sub(r"[^A-Za-z0-9_.+=-]", "_", name)
    return plain if plain[:1].isalpha() else f"job_{plain}"
