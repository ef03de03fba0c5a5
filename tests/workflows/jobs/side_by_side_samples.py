"""Jobs for tests of running side by side; run as a script, a flow of slow ones."""

import errno
import os
import signal
import sys
import time
from pathlib import Path

from jobflow import Flow, Response, job
from runner_samples import add, named

from workflows.jobs.side_by_side import SIDE_BY_SIDE


def beside(made, *parts):
    made.update_metadata({SIDE_BY_SIDE: True}, dynamic=False)
    return named(made, *parts)


@job
def meet(folder, name, others, patience=60.0):
    """Say that one is there and wait for the others: it ends if all run at the same time."""
    (Path(folder) / name).touch()
    end = time.monotonic() + patience
    while not all((Path(folder) / other).exists() for other in others):
        if time.monotonic() > end:
            raise TimeoutError(f"{name} is alone")
        time.sleep(0.01)
    return {
        "pid": os.getpid(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "cwd": str(Path.cwd()),
    }


@job
def doubled(value):
    return 2 * value


@job
def lead_on(value):
    return Response(output=value, detour=named(add(value, 10), "led to", value))


@job
def die():
    os.kill(os.getpid(), signal.SIGKILL)


@job
def fill_disk():
    raise OSError(errno.ENOSPC, "No space left on device")


class AwkwardError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


@job
def raise_awkward():
    raise AwkwardError("this", "that")


@job
def wait_long(folder, number, seconds):
    (Path(folder) / f"pid-{number}").write_text(str(os.getpid()))
    time.sleep(seconds)
    return number


def slow_flow(folder, seconds):
    return Flow([beside(wait_long(str(folder), k, seconds), "slow", k) for k in range(3)])


def main(folder, seconds):
    from workflows.jobs.job_folder import JobFolder
    from workflows.jobs.runner import run_flow

    jobs = JobFolder(Path(folder) / "labels", Path(folder))
    summary = run_flow(slow_flow(folder, float(seconds)), jobs, workers=2)
    print(summary.finished, summary.skipped, summary.failed)


if __name__ == "__main__":
    import side_by_side_samples

    side_by_side_samples.main(*sys.argv[1:])
