"""Read and write job folders: the one store of jobs and results, at home and in a queue.

A file is complete or missing, and it is on the disk when the call that writes it returns; this
holds on network file systems too. A queue's database knows only a job's place in the flow:
structures, states of dynamics and trajectories are here.
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
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from jobflow import Job
from jobflow.utils.find import find_key, get_root_locations, update_in_dictionary
from monty.json import MontyEncoder, jsanitize

from cuprolith.disk_space import DiskFullError, is_disk_full
from cuprolith.errors import CuprolithError
from cuprolith.staged_file import StagedFile, sync_folder
from workflows.jobs.job_ids import stable_uuid
from workflows.jobs.stored_jobs import rebuilt_job, stored_job

_SUFFIX = ".json.gz"
_LEVEL = 1  # digits of floats hardly compress better at higher ones
_GZIP = 31  # zlib's name for it
_BUFFER = 1 << 16
_HEAD_BYTES = 1 << 10  # hardly any first member is longer
_MEMBERS = ("document", "followers", "large")


class DamagedFileError(CuprolithError):
    """A job's file does not hold what was written to it."""


class UnwritableFolderError(CuprolithError):
    """A result cannot be written, for another reason than a full disk."""


@dataclass(frozen=True)
class JobFailure:
    """A job that ended in an exception; its file is kept until the job succeeds."""

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


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """How a job ended, and what its result was made from.

    Attributes
    ----------
    made_from
        Fingerprints of the results it was made from, by their names; None for one that was missing.
    always_runs
        Whether the job runs each time: a new result of it never outdates others.
    """

    made_from: dict[str, str | None] = field(default_factory=dict)
    seconds: float = 0.0
    finished_at: str = ""
    stop_children: bool = False
    stop_jobflow: bool = False
    always_runs: bool = False


@dataclass(frozen=True)
class JobResult(JobRecord):
    """Result of a job without its large data and the jobs it leads to.

    Attributes
    ----------
    document
        As jobflow stores it: name, metadata and output of the job; null in place of large data.
    """

    document: dict[str, Any]


@dataclass(frozen=True)
class JobFolder:
    """Folder of jobs (``jobs/``), their results (``results/``) and failures (``failures/``).

    The file of a result consists of gzip members: :class:`JobRecord` with the sizes and checksums
    of the others, the document, the jobs it leads to, and its large data. Each is read only when it
    is needed. Files are named by the job's uuid, those of replacements also by their index.

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
        """Write the file of a job.

        Parameters
        ----------
        origin
            Name of the result that led to it (:func:`result_name`).
        """
        path = self._path("jobs", job.uuid)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        # Not forced to the disk: what is missing is written again by the next submission.
        partial.write_bytes(_packed({"job": stored_job(job), "origin": origin}))
        partial.replace(path)

    def job(self, uuid: str) -> tuple[Job, str | None]:
        """Return a job, and the name of the result that led to it.

        Raises
        ------
        CuprolithError
            If it is missing, or the installed code has no such job.
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
        """Write the result of a job: completely or not at all, on the disk when this returns.

        Parameters
        ----------
        followers
            Flows that the job leads to, serialised.
        large_keys
            Keys of large parts of the output, as in jobflow's ``@job(data="trajectory")``.

        Raises
        ------
        DiskFullError, UnwritableFolderError
            If the file cannot be written.
        TypeError, ValueError
            If the output is no JSON.
        """
        document, large = _without_large(result.document, large_keys or {})
        members = [_packed(content) if content else b"" for content in (document, followers, large)]
        record = {key: value for key, value in vars(result).items() if key != "document"}
        sums = [[len(member), zlib.crc32(member)] for member in members]
        head = _packed({"result": record, "parts": sums})
        name = result_name(document["uuid"], document["index"])
        self._write(self._path("results", name), b"".join([head, *members]))
        self._path("failures", name).unlink(missing_ok=True)

    def newest(self, uuid: str) -> str:
        """Return the name of the newest result of a job: that of its last replacement."""
        later = (result_name(uuid, index) for index in count(2))
        name = uuid
        while self._path("results", following := next(later)).exists():
            name = following
        return name

    def record(self, name: str) -> JobRecord | None:
        """Return how a job ended; None if it has no result.

        Raises
        ------
        DamagedFileError
            If the file is cut, or its first member is damaged.
        """
        with self._opened(name) as file:
            return None if file is None else JobRecord(**file.record)

    def result(self, name: str) -> JobResult | None:
        """Return the result of a job without its large data; None if it has no result.

        Raises
        ------
        DamagedFileError
            If the file is cut, or what is read is damaged.
        """
        with self._opened(name) as file:
            return None if file is None else JobResult(file.document(), **file.record)

    def checked_record(self, name: str) -> tuple[JobRecord, list[dict[str, Any]]] | None:
        """Return how a job ended and the flows it leads to; all bytes of the file are checked.

        Raises
        ------
        DamagedFileError
            If any of them is not what was written.
        """
        with self._opened(name) as file:
            if file is None:
                return None
            followers = file.check()["followers"]
            return JobRecord(**file.record), _unpacked(followers) if followers else []

    def output(self, uuid: str, index: int | None = None) -> Any:
        """Return the output of a job with its large data.

        Parameters
        ----------
        index
            Which of its results; the newest by default.

        Raises
        ------
        KeyError
            If it has none yet.
        DamagedFileError
            If its file is damaged.
        """
        with self._opened(result_name(uuid, index) if index else self.newest(uuid)) as file:
            if file is None:
                raise KeyError(uuid)
            document, large = file.document(), file.check()["large"]
            if large:
                places = {tuple(place): value for place, value in _unpacked(large)}
                update_in_dictionary(document, places)
            return document["output"]

    def fingerprint(self, name: str) -> str | None:
        """Return a hash of what a result was made from; None if there is nothing to compare.

        It stays the same when the job runs again with the results of the same jobs, and changes if
        one of them was missing then. Dates of files are not used, because copies change them.
        """
        try:
            record = self.record(name)
        except DamagedFileError:
            return None
        if record is None or record.always_runs:
            return None
        made_from = record.made_from
        return stable_uuid(name, json.dumps(made_from, sort_keys=True)) if made_from else name

    def write_failure(self, job: Job, error: BaseException) -> JobFailure:
        """Write why a job failed; the file is removed when it succeeds."""
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
        """Return the path of a result, written or not."""
        return self._path("results", name)

    def _path(self, kind: str, name: str) -> Path:
        # File servers are slow with many thousands of entries in one folder.
        return self.root.joinpath(kind, name[:2], f"{name}{_SUFFIX}")

    @contextmanager
    def _opened(self, name: str) -> Iterator[_ResultFile | None]:
        path = self._path("results", name)
        try:
            stream = path.open("rb", buffering=_BUFFER)
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        with stream, _damage_explained(path):
            yield _ResultFile(stream)

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
    """Return the name of a job's result; an index above 1 means a replacement."""
    return uuid if index == 1 else f"{uuid}.{index}"


def now() -> str:
    """Return the time, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def unwritable(error: BaseException, path: Path) -> CuprolithError:
    """Return the error that explains why a file of a run cannot be written."""
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
    """Take the large parts out of a document, in place; return it, and them by their places."""
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


class _ResultFile:
    """The open file of a result: its first member, and the others when they are asked for."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        head, start = _first_member(stream)
        self.record: dict[str, Any] = head["result"]
        # Files of earlier versions have the document in the first member.
        self._document: dict[str, Any] | None = self.record.pop("document", None)
        names = _MEMBERS if self._document is None else _MEMBERS[1:]
        self._members: dict[str, tuple[int, int, int]] = {}
        for name, (size, checksum) in zip(names, head["parts"], strict=True):
            self._members[name] = start, size, checksum
            start += size
        if os.fstat(stream.fileno()).st_size != start:
            raise EOFError("cut or continued")

    def document(self) -> dict[str, Any]:
        """Return the job's document without large data."""
        if self._document is None:
            self._document = _unpacked(self._packed("document"))
        return self._document

    def check(self) -> dict[str, bytes]:
        """Read and check all members, and return them packed."""
        return {name: self._packed(name) for name in self._members}

    def _packed(self, name: str) -> bytes:
        start, size, checksum = self._members[name]
        self._stream.seek(start)
        member = self._stream.read(size)
        if zlib.crc32(member) != checksum:
            raise ValueError("the checksum differs")
        return member


def _first_member(stream: BinaryIO) -> tuple[dict[str, Any], int]:
    """Return the first gzip member of a file, and where it ends; zlib checks it."""
    member, text, n_read = zlib.decompressobj(_GZIP), b"", 0
    while not member.eof:
        chunk = stream.read(_HEAD_BYTES)
        if not chunk:
            raise EOFError("cut short")
        n_read += len(chunk)
        text += member.decompress(chunk)
    return json.loads(text), n_read - len(member.unused_data)


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
