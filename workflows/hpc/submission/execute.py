"""``python -m workflows.hpc.submission.execute DIR``: run the job whose files lie in a folder.

As ``jf execution run DIR`` does, without loading the other commands of `jf`: they take longer than
a short job.
"""

from __future__ import annotations

import sys

from workflows.quick_imports import quick_imports


def main() -> None:
    """Run the job."""
    (folder,) = sys.argv[1:]
    with quick_imports():
        from jobflow_remote.jobs.run import run_remote_job

    run_remote_job(folder)


if __name__ == "__main__":
    main()
