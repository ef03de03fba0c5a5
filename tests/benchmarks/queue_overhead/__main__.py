"""Trivial label jobs through a true SLURM: what does each cost beyond its own work?

A dev cluster of its own, the runner as `jf runner start` starts it with the delays that
jobflow-remote has by default (30 s between looks), for `cuprolith hpc init`
writes none.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import time
from importlib import metadata
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from cuprolith.progress import ProgressBar, progress_bar, progress_on
from tests.dev_cluster.state import part_daemon

from . import processor_time
from .dead_time import Span, dead_times
from .site import CAMPAIGN, Site

_LOOK_SECONDS = 1.0
_PARTS = ("slurmctld", "slurmd", "database")
console = Console()


def main() -> int:
    """Measure, print and write."""
    arguments = _arguments()
    site = Site(arguments.folder, arguments.mode, arguments.cpus)
    try:
        with progress_on(console):
            record = measure(site, arguments.jobs, arguments.limit)
    finally:
        site.close()
    record |= {"mode": arguments.mode, "cpus": arguments.cpus, **_versions()}
    arguments.out.write_text(json.dumps(record, indent=1))
    console.print(table(record))
    if not arguments.keep:
        shutil.rmtree(arguments.folder)
    return 0


def measure(site: Site, n_jobs: int, limit: float) -> dict[str, Any]:
    """Run so many jobs, and return what they have cost.

    Raises
    ------
    TimeoutError
        If they take longer than `limit`, seconds.
    """
    began = time.perf_counter()
    n_queued = site.submit(n_jobs)
    submitted = time.perf_counter() - began
    before = _daemons(site)
    machine, own = processor_time.of_machine(), sum(os.times()[:4])
    began = time.perf_counter()
    site.start_runner()
    with progress_bar("labels", total=n_jobs) as bar:
        _wait(site.n_labels, n_jobs, began + limit, bar)
    last_label = time.perf_counter() - began
    with site.controller() as controller, progress_bar("completed", total=n_queued) as bar:
        done = {"job.metadata.campaign": CAMPAIGN, "state": "COMPLETED"}
        _wait(lambda: controller.jobs.count_documents(done), n_queued, began + limit, bar)
        last_completed = time.perf_counter() - began
        spans = [_span(job) for job in controller.jobs.find({"job.metadata.campaign": CAMPAIGN})]
    daemons = {name: taken - before[name] for name, taken in _daemons(site).items()}
    machine = processor_time.of_machine() - machine
    own = sum(os.times()[:4]) - own
    _wait_for_queue(site, time.perf_counter() + limit)
    jobs = processor_time.of_shells(site.times / "job")
    shares = {
        "jobs": jobs,
        "runner": daemons["runner"],
        "slurmctld and slurmd": daemons["slurmctld"] + daemons["slurmd"],
        "database": daemons["database"],
    }
    gaps = dead_times(spans)
    return {
        "jobs": n_jobs,
        "jobs of the queue": n_queued,
        "seconds": {"submit": submitted, "last label": last_label, "completed": last_completed},
        "span of a job": _summary([(each.end - each.start).total_seconds() for each in spans]),
        "dead time": _summary(gaps),
        "processor seconds": shares,
        # what else the machine did: slurmstepd, munged, this program; and others if it was not idle
        "processor seconds of the rest": machine - sum(shares.values()) - own,
        "sbatch": site.n_submitted(),
        "runner delays": site.project.runner.model_dump(mode="json"),
    }


def table(record: dict[str, Any]) -> Table:
    """Return the numbers of a run, per job."""
    n_jobs = record["jobs"]
    shown = Table(title=f"{n_jobs} trivial label jobs, {record['mode']}")
    shown.add_column("")
    shown.add_column("all", justify="right")
    shown.add_column("per job", justify="right")
    for name, seconds in record["seconds"].items():
        shown.add_row(f"{name}, s", f"{seconds:.1f}", f"{seconds / n_jobs:.3f}")
    shown.add_section()
    for name, seconds in record["processor seconds"].items():
        shown.add_row(f"{name}, processor s", f"{seconds:.1f}", f"{seconds / n_jobs:.3f}")
    rest = record["processor seconds of the rest"]
    shown.add_row("rest of the machine, processor s", f"{rest:.1f}", f"{rest / n_jobs:.3f}")
    shown.add_section()
    for name in ("span of a job", "dead time"):
        found = record[name]
        shown.add_row(f"{name}, median, s", "", f"{found['median']:.3f}")
        shown.add_row(f"{name}, 9 of 10 below, s", "", f"{found['90 %']:.3f}")
    shown.add_row("calls of sbatch", str(record["sbatch"]), f"{record['sbatch'] / n_jobs:.3f}")
    return shown


def _wait(count: Any, n_jobs: int, end: float, bar: ProgressBar) -> None:
    done = 0
    while done < n_jobs:
        if time.perf_counter() > end:
            raise TimeoutError(f"{done} of {n_jobs} jobs when the time was over")
        time.sleep(_LOOK_SECONDS)
        found = count()
        bar.advance(found - done)
        done = found


def _wait_for_queue(site: Site, end: float) -> None:
    """Wait until the last job has left the queue."""
    while not site.queue_is_empty() and time.perf_counter() < end:
        time.sleep(_LOOK_SECONDS)


def _daemons(site: Site) -> dict[str, float]:
    layout = site.cluster.layout
    taken = {part: processor_time.of_tree(part_daemon(layout, part).pid) for part in _PARTS}
    return taken | {"runner": processor_time.of_tree(site.runner_pid())}


def _span(job: dict[str, Any]) -> Span:
    return Span("node", job["start_time"], job["end_time"])


def _summary(seconds: list[float]) -> dict[str, float]:
    if len(seconds) < 2:
        return {"mean": float("nan"), "median": float("nan"), "90 %": float("nan")}
    return {
        "mean": mean(seconds),
        "median": median(seconds),
        "90 %": quantiles(seconds, n=10)[-1],
    }


def _versions() -> dict[str, Any]:
    names = ("cuprolith", "jobflow-remote", "jobflow", "pymatgen")
    return {
        "versions": {name: metadata.version(name) for name in names},
        "python": platform.python_version(),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m " + __spec__.parent)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--mode", choices=["batch", "plain"], default="batch")
    parser.add_argument("--cpus", type=int, default=2, help="cores of the node: jobs at a time")
    parser.add_argument("--out", type=Path, required=True, help="JSON file with the numbers")
    parser.add_argument(
        "--folder", type=Path, required=True, help="new folder for the cluster and its jobs"
    )
    parser.add_argument("--keep", action="store_true", help="leave the folder there")
    parser.add_argument("--limit", type=float, default=7200.0, help="seconds until it gives up")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
