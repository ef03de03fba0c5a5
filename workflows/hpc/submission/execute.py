"""``python -m workflows.hpc.submission.execute DIR``: run the job whose files lie in a folder.

As ``jf execution run DIR`` does, without loading the other commands of `jf`: they take longer than
a short job.
"""

from __future__ import annotations

import gc
import sys

from training.nequip_runs.quick_imports import quick_imports


def run_job(folder: str) -> None:
    """Run a job; if it fails, its error is in the files that it leaves."""
    with quick_imports():
        from jobflow_remote.jobs.run import run_remote_job

    run_remote_job(folder)
    gc.freeze()  # else the end of the process looks through all that was loaded once more


def main() -> None:
    """Run the job of the command line."""
    (folder,) = sys.argv[1:]
    run_job(folder)


if __name__ == "__main__":
    main()
