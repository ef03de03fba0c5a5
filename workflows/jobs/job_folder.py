"""Jobs and what they gave, as files: the one store of results, at home and in a queue.

Each file is whole or not there, and on the disk when the call that writes it returns; network file
systems keep it so. A queue's database knows of a job its place in the flow and nothing of its
content: structures, states of dynamics and trajectories stay here.
"""

from __future__ import annotations

import gzip
import json
import os
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from jobflow import Job
from jobflow.utils.find import find_key, get_root_locations, update_in_dictionary
from monty.json import MontyEncoder, jsanitize

from cuprolith.errors import CuprolithError
from cuprolith.staged_file import StagedFile, sync_folder
from workflows.jobs.disk_space import DiskFullError, is_disk_full
from workflows.jobs.job_ids import stable_uuid
from workflows.jobs.stored_jobs import rebuilt_job, stored_job

_SUFFIX = ".json.gz"
_LEVEL = 1  # digits of floats hardly compress better at higher ones
_GZIP = 31  # zlib's name for it
_CHUNK = 1 << 16


class DamagedFileError(CuprolithError):
    """A job's file does not hold what was written to it."""


class UnwritableFolderError(CuprolithError):
    """What a job gave cannot be written, for another reason than a full disk."""


@dataclass(frozen=True)
class JobFailure:
    """A job that ended in an exception; kept until the job succeeds."""

    uuid: str
    index: int
    name: str
    error: str
    traceback: str
    time: str
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job, error: BaseException) -> JobFailure:
        """Return the failure of a job that has just raised."""
        explained = isinstance(error, CuprolithError)
        return cls(
            uuid=job.uuid,
            index=job.index,
            name=job.name,
            error=str(error) if explained else f"{type(error).__name__}: {error}",
            traceback="".join(traceback.format_exception(error)),
            time=now(),
            metadata=jsanitize(job.metadata),
        )


@dataclass(frozen=True)
class JobResult:
    """What a job gave, apart from its large data and the jobs it leads to.

    Attributes
    ----------
    document
        As jobflow stores it: name, metadata and output of the job; null in place of large data.
    made_from
        Recipes of the results it was made from, by the name of each; None for one that was missing.
    always_runs
        Whether the job runs each time: nothing made from its result is ever outdated by it.
    """

    document: dict[str, Any]
    made_from: dict[str, str | None] = field(default_factory=dict)
    seconds: float = 0.0
    finished_at: str = ""
    stop_children: bool = False
    stop_jobflow: bool = False
    always_runs: bool = False


@dataclass(frozen=True)
class JobFolder:
    """Folder of jobs (``jobs/``), their results (``results/``) and failures (``failures/``).

    A result's file holds three gzip members after each other: what is asked for often
    (:class:`JobResult`), the jobs it leads to, and its large data. The first can be read without
    the others; it has their checksums. Files are named by the job's uuid, those of its replacements
    also by their index.

    Attributes
    ----------
    root
        The folder.
    directory
        Where the jobs run.
    """

    root: Path
    directory: Path

    def write_job(self, job: Job, origin: str | None = None) -> None:
        """Keep a job for whoever runs it.

        Parameters
        ----------
        origin
            Name of the result that has led to it (:func:`result_name`).
        """
        path = self._path("jobs", job.uuid)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        # Not forced to the disk: what is missing is written again by the next submission.
        partial.write_bytes(_packed({"job": stored_job(job), "origin": origin}))
        partial.replace(path)

    def job(self, uuid: str) -> tuple[Job, str | None]:
        """Return a job that was kept, and the name of the result that has led to it.

        Raises
        ------
        CuprolithError
            If it is not here, or today's code has no such job.
        """
        path = self._path("jobs", uuid)
        try:
            with _damage_explained(path):
                kept = _unpacked(path.read_bytes())
            return rebuilt_job(kept["job"]), kept["origin"]
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

    def write_result(
        self,
        result: JobResult,
        followers: list[dict[str, Any]],
        large_keys: dict[str, Any] | None = None,
    ) -> None:
        """Keep what a job gave: whole or not at all, and on the disk when this returns.

        Parameters
        ----------
        followers
            Flows that the job leads to, serialised.
        large_keys
            Which parts of the output are large, as jobflow's ``@job(data="trajectory")`` says it.

        Raises
        ------
        DiskFullError, UnwritableFolderError
            If the file cannot be written.
        TypeError, ValueError
            If the output is no JSON.
        """
        document, large = _without_large(result.document, large_keys or {})
        parts = [_packed(followers) if followers else b"", _packed(large) if large else b""]
        sums = [[len(part), zlib.crc32(part)] for part in parts]
        head = _packed({"result": {**vars(result), "document": document}, "parts": sums})
        name = result_name(document["uuid"], document["index"])
        self._write(self._path("results", name), b"".join([head, *parts]))
        self._path("failures", name).unlink(missing_ok=True)

    def newest(self, uuid: str) -> str:
        """Return the name of the newest result of a job: that of its last replacement."""
        later = (result_name(uuid, index) for index in count(2))
        name = uuid
        while self._path("results", following := next(later)).exists():
            name = following
        return name

    def result(self, name: str) -> JobResult | None:
        """Return what a job gave without its large data, which are not read; None if nothing yet.

        Raises
        ------
        DamagedFileError
            If the file is cut, or its first part is damaged.
        """
        with self._opened(name) as stream:
            if stream is None:
                return None
            head, start = _head(stream)
            if os.fstat(stream.fileno()).st_size != start + sum(n for n, _ in head["parts"]):
                raise EOFError("cut or continued")
            return JobResult(**head["result"])

    def whole_result(self, name: str) -> tuple[JobResult, list[dict[str, Any]]] | None:
        """Return what a job gave and the flows it leads to; all bytes of the file are checked.

        Raises
        ------
        DamagedFileError
            If any of them is not what was written.
        """
        with self._opened(name) as stream:
            if stream is None:
                return None
            head, followers, _ = _parts(stream.read())
            return JobResult(**head["result"]), _unpacked(followers) if followers else []

    def output(self, uuid: str, index: int | None = None) -> Any:
        """Return the output of a job with its large data.

        Parameters
        ----------
        index
            Which of its results; the newest by default.

        Raises
        ------
        KeyError
            If it gave none yet.
        DamagedFileError
            If its file is damaged.
        """
        with self._opened(result_name(uuid, index) if index else self.newest(uuid)) as stream:
            if stream is None:
                raise KeyError(uuid)
            head, _, large = _parts(stream.read())
            document: dict[str, Any] = head["result"]["document"]
            if large:
                places = {tuple(place): value for place, value in _unpacked(large)}
                update_in_dictionary(document, places)
            return document["output"]

    def recipe(self, name: str) -> str | None:
        """Return what tells from what a job made its result; None if there is nothing to compare.

        It is the same when the job runs again with the results of the same jobs, and another when
        one of them was missing then. Dates of files, which copies do not keep, say nothing.
        """
        try:
            result = self.result(name)
        except DamagedFileError:
            return None
        if result is None or result.always_runs:
            return None
        made_from = result.made_from
        return stable_uuid(name, json.dumps(made_from, sort_keys=True)) if made_from else name

    def write_failure(self, job: Job, error: BaseException) -> JobFailure:
        """Keep why a job failed, until it succeeds."""
        failure = JobFailure.of(job, error)
        path = self._path("failures", result_name(job.uuid, job.index))
        self._write(path, _packed(vars(failure)))
        return failure

    def results(self) -> Iterator[str]:
        """Yield the names of all results."""
        yield from _names(self.root / "results")

    def failures(self) -> Iterator[JobFailure]:
        """Yield the failures, the oldest first; one that is damaged is left out.

        Its job has no result, so that the next run tries it again.
        """
        found = []
        for name in _names(self.root / "failures"):
            path = self._path("failures", name)
            try:
                with _damage_explained(path):
                    found.append(JobFailure(**_unpacked(path.read_bytes())))
            except DamagedFileError:
                path.unlink()
        yield from sorted(found, key=lambda failure: failure.time)

    def path_of_result(self, name: str) -> Path:
        """Return where a result is, or will be."""
        return self._path("results", name)

    def _path(self, kind: str, name: str) -> Path:
        # File servers are slow with many thousands of entries in one folder.
        return self.root / kind / name[:2] / f"{name}{_SUFFIX}"

    @contextmanager
    def _opened(self, name: str) -> Iterator[BinaryIO | None]:
        path = self._path("results", name)
        try:
            stream = path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        with stream, _damage_explained(path):
            yield stream

    def _write(self, path: Path, content: bytes) -> None:
        try:
            new = [each for each in (path.parent, path.parent.parent) if not each.is_dir()]
            path.parent.mkdir(parents=True, exist_ok=True)
            for each in new:
                sync_folder(each.parent)
            with StagedFile(path) as staged:
                staged.write(content)
                staged.commit()
        except OSError as error:
            raise unwritable(error, path) from error


def result_name(uuid: str, index: int = 1) -> str:
    """Return the name of the result of a job; an index above 1 is that of a replacement."""
    return uuid if index == 1 else f"{uuid}.{index}"


def now() -> str:
    """Return the time, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def unwritable(error: BaseException, path: Path) -> CuprolithError:
    """Explain to the user why a file of a run cannot be written."""
    if is_disk_full(error):
        return DiskFullError(f"no space left on the disk ({error})", where=str(path))
    return UnwritableFolderError(
        f"the run cannot be recorded: {error}",
        where=str(path),
        remedy="check the disk and the permissions of the folder, then run the same command "
        "again: it continues",
    )


def _without_large(
    document: dict[str, Any], keys: dict[str, Any]
) -> tuple[dict[str, Any], list[tuple[list[Any], Any]]]:
    """Take the large parts out of a document, in place, and return them by their places in it."""
    places: list[list[Any]] = []
    for asked in keys.values():
        for key in asked if isinstance(asked, list) else [asked]:
            if isinstance(key, list | tuple):
                places.append(list(key))
            else:
                places += find_key(document, key, include_end=True)
    found = [(place, _at(document, place)) for place in get_root_locations(places)]
    update_in_dictionary(document, {tuple(place): None for place, _ in found})
    return document, found


def _at(document: Any, place: list[Any]) -> Any:
    for key in place:
        document = document[key]
    return document


def _head(stream: BinaryIO) -> tuple[dict[str, Any], int]:
    """Return the first part of a result's file, and where it ends."""
    member, text, n_read = zlib.decompressobj(_GZIP), b"", 0
    while not member.eof:
        chunk = stream.read(_CHUNK)
        if not chunk:
            raise EOFError("cut short")
        n_read += len(chunk)
        text += member.decompress(chunk)
    return json.loads(text), n_read - len(member.unused_data)


def _parts(content: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    """Return the first part of a result's file, and the others packed; all are whole."""
    head, start = _head(BytesIO(content))
    parts = []
    for size, checksum in head["parts"]:
        parts.append(content[start : start + size])
        start += size
        if zlib.crc32(parts[-1]) != checksum:
            raise ValueError("the checksum differs")
    if start != len(content):
        raise EOFError("cut or continued")
    followers, large = parts
    return head, followers, large


@contextmanager
def _damage_explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise DamagedFileError(
            f"cannot be read: {error}",
            where=str(path),
            remedy="run the same command again, or submit the campaign again: this job is "
            "computed again, and no other",
        ) from error


def _names(folder: Path) -> list[str]:
    return sorted(path.name.removesuffix(_SUFFIX) for path in folder.glob(f"??/[!.]*{_SUFFIX}"))


def _packed(content: Any) -> bytes:
    # Python's JSON keeps every float as it is, NaN too.
    text = json.dumps(content, cls=MontyEncoder, separators=(",", ":"))
    return gzip.compress(f"{text}\n".encode(), _LEVEL, mtime=0)


def _unpacked(data: bytes) -> Any:
    return json.loads(gzip.decompress(data))
