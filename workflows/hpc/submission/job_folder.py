"""Jobs and what they gave, as files on the cluster's file system.

The queue's database knows of a job its place in the flow and nothing of its content: structures,
dynamics' states and trajectories stay here, where a lost database loses none of them.
"""

from __future__ import annotations

import gzip
import json
import os
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobflow import Flow, Job

from training.staged_file import StagedFile
from workflows.errors import CuprolithError
from workflows.jobs.run_records import JobFailure
from workflows.jobs.stored_jobs import rebuilt_flow, rebuilt_job, stored_job

_LEVEL = 1  # digits of floats hardly compress better at higher ones


@dataclass(frozen=True)
class KeptJob:
    """A job, and the one that has led to it, if one has.

    Attributes
    ----------
    origin
        Its uuid.
    """

    job: Job
    origin: str | None = None

    @property
    def rests_on(self) -> list[str]:
        """Uuids of the jobs whose results the job is made from."""
        origins = [] if self.origin is None else [self.origin]
        return [*self.job.input_uuids, *origins]


@dataclass(frozen=True)
class JobFolder:
    """Folder of jobs (``jobs/``), their results (``results/``) and failures (``failures/``).

    Attributes
    ----------
    root
        The folder.
    directory
        Where the jobs run.
    """

    root: Path
    directory: Path

    def write_job(self, kept: KeptJob) -> None:
        """Keep a job for whoever runs it."""
        path = self._path("jobs", kept.job.uuid)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        # Not forced to the disk: whatever is missing is written anew by the next submission.
        partial.write_bytes(_packed({"job": stored_job(kept.job), "origin": kept.origin}))
        partial.replace(path)

    def job(self, uuid: str) -> KeptJob:
        """Return a job that was kept.

        Raises
        ------
        CuprolithError
            If it is not here, or today's code has no such job.
        """
        path = self._path("jobs", uuid, make=False)
        try:
            stored = _unpacked(path)
            return KeptJob(rebuilt_job(stored["job"]), stored["origin"])
        except FileNotFoundError:
            raise CuprolithError(
                f"no job {uuid} here", where=str(path), remedy="submit the campaign again"
            ) from None
        except ImportError as error:
            raise CuprolithError(
                f"this Cuprolith has no such job: {error}",
                where=str(path),
                remedy="submit the campaign again with the version that is installed on the nodes",
            ) from error

    def write_result(self, uuid: str, result: dict[str, Any]) -> None:
        """Keep what a job gave: whole or not at all, and on the disk when this returns."""
        with StagedFile(self._path("results", uuid)) as staged:
            staged.write(_packed(result))
            staged.commit()
        self._path("failures", uuid, make=False).unlink(missing_ok=True)

    def result(self, uuid: str) -> dict[str, Any] | None:
        """Return what a job gave; None if it gave nothing yet."""
        try:
            return _unpacked(self._path("results", uuid, make=False))
        except FileNotFoundError:
            return None

    def finished_at(self, uuid: str) -> int | None:
        """When a job gave its result, ns by the file server's clock; None if it did not yet."""
        try:
            return self._path("results", uuid, make=False).stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def followers(self, uuid: str) -> list[Flow]:
        """Return the flows that a finished job has led to."""
        result = self.result(uuid)
        return [] if result is None else [rebuilt_flow(flow) for flow in result["followers"]]

    def write_failure(self, job: Job, error: BaseException) -> None:
        """Keep why a job failed, until it succeeds."""
        trace = "".join(traceback.format_exception(error))
        failure = dict(vars(JobFailure.of(job, error, trace)))
        with StagedFile(self._path("failures", job.uuid)) as staged:
            staged.write(_packed(failure))
            staged.commit()

    def results(self) -> Iterator[str]:
        """Yield the uuids of the jobs that gave a result, the first to finish first."""
        yield from _uuids(self.root / "results")

    def failures(self) -> Iterator[dict[str, Any]]:
        """Yield the failures, the oldest first."""
        for uuid in _uuids(self.root / "failures"):
            yield _unpacked(self._path("failures", uuid, make=False))

    def _path(self, kind: str, uuid: str, *, make: bool = True) -> Path:
        # File servers are slow with many thousands of entries in one folder.
        folder = self.root / kind / uuid[:2]
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{uuid}.json.gz"


def _uuids(folder: Path) -> list[str]:
    found = [(path.stat().st_mtime_ns, path.name) for path in folder.glob("??/[!.]*.json.gz")]
    return [name.removesuffix(".json.gz") for _, name in sorted(found)]


def _packed(content: dict[str, Any]) -> bytes:
    # Python's JSON keeps every float as it is, NaN too.
    return gzip.compress(json.dumps(content).encode(), _LEVEL)


def _unpacked(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    try:
        content: dict[str, Any] = json.loads(gzip.decompress(data))
    except (OSError, EOFError, ValueError) as error:
        raise CuprolithError(
            f"cannot be read: {error}",
            where=str(path),
            remedy="remove it and submit the campaign again: what it held is computed anew",
        ) from error
    return content
