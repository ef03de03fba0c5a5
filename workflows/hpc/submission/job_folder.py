"""Jobs and what they gave, as files on the cluster's file system.

The queue's database knows of a job its place in the flow and nothing of its content: structures,
dynamics' states and trajectories stay here, where a lost database loses none of them.
"""

from __future__ import annotations

import gzip
import json
import os
import traceback
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobflow import Job

from cuprolith.errors import CuprolithError
from cuprolith.staged_file import StagedFile
from workflows.jobs.job_ids import stable_uuid
from workflows.jobs.run_records import JobFailure
from workflows.jobs.stored_jobs import rebuilt_job, stored_job

# Field of a result: the recipes of the jobs it was made from, by uuid; null where one gave nothing.
MADE_FROM = "made_from"

_LEVEL = 1  # digits of floats hardly compress better at higher ones


class DamagedFileError(CuprolithError):
    """A job's file does not hold what was written to it."""


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
        # Not forced to the disk: what is missing is written again by the next submission.
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

    def recipe(self, uuid: str) -> str | None:
        """Return what tells from what a job made its result; None if it gave none yet.

        It is the same when the job runs again with the results of the same jobs, and another when
        one of them was missing then. Dates of files, which copies do not keep, say nothing.
        """
        result = self.result(uuid)
        if result is None:
            return None
        made_from = result.get(MADE_FROM)
        return stable_uuid(uuid, json.dumps(made_from, sort_keys=True)) if made_from else uuid

    def write_failure(self, job: Job, error: BaseException) -> None:
        """Keep why a job failed, until it succeeds."""
        trace = "".join(traceback.format_exception(error))
        failure = dict(vars(JobFailure.of(job, error, trace)))
        with StagedFile(self._path("failures", job.uuid)) as staged:
            staged.write(_packed(failure))
            staged.commit()

    def results(self) -> Iterator[str]:
        """Yield the uuids of the jobs that gave a result."""
        yield from _uuids(self.root / "results")

    def failures(self) -> Iterator[dict[str, Any]]:
        """Yield the failures, the oldest first."""
        found = (
            _unpacked(self._path("failures", uuid, make=False))
            for uuid in _uuids(self.root / "failures")
        )
        yield from sorted(found, key=lambda failure: failure["time"])

    def _path(self, kind: str, uuid: str, *, make: bool = True) -> Path:
        # File servers are slow with many thousands of entries in one folder.
        folder = self.root / kind / uuid[:2]
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{uuid}.json.gz"


def _uuids(folder: Path) -> list[str]:
    names = (path.name for path in folder.glob("??/[!.]*.json.gz"))
    return sorted(name.removesuffix(".json.gz") for name in names)


def _packed(content: dict[str, Any]) -> bytes:
    # Python's JSON keeps every float as it is, NaN too.
    return gzip.compress(json.dumps(content).encode(), _LEVEL)


def _unpacked(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    try:
        content: dict[str, Any] = json.loads(gzip.decompress(data))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DamagedFileError(
            f"cannot be read: {error}",
            where=str(path),
            remedy="remove it and submit the campaign again: it is computed again, and no other",
        ) from error
    return content
