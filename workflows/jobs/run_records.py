"""What a run leaves in the store: outputs with what followed each job, and failures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jobflow import Flow, Job, JobStore, Response
from jobflow.core.schemas import JobStoreDocument
from monty.json import jsanitize

from cuprolith.errors import CuprolithError
from workflows.jobs.stored_jobs import rebuilt_flow, stored_flow
from workflows.store.sqlite_store import SqliteStore

logger = logging.getLogger(__name__)


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
    def of(cls, job: Job, error: BaseException, trace: str) -> JobFailure:
        """Return the failure of a job that has just raised."""
        explained = isinstance(error, CuprolithError)
        return cls(
            uuid=job.uuid,
            index=job.index,
            name=job.name,
            error=str(error) if explained else f"{type(error).__name__}: {error}",
            traceback=trace,
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            metadata=jsanitize(job.metadata),
        )


@dataclass(frozen=True)
class JobOutcome:
    """What a finished job means for the jobs after it.

    Attributes
    ----------
    followers
        Flows that the job's ``Response`` asks for, in the order they run: replacement, detour,
        addition.
    serial
        Place of the job in the order in which jobs have finished; 0 if it is not on record.
    """

    followers: tuple[Flow, ...] = ()
    stop_children: bool = False
    stop_jobflow: bool = False
    serial: int = 0

    @classmethod
    def of(cls, response: Response, serial: int) -> JobOutcome:
        """Return the outcome of a job that has just run."""
        flows = (response.replace, response.detour, response.addition)
        return cls(
            followers=tuple(flow for flow in flows if flow is not None),
            stop_children=bool(response.stop_children),
            stop_jobflow=bool(response.stop_jobflow),
            serial=serial,
        )


@dataclass(frozen=True)
class HeldOutput:
    """A job's output document and how the job asked for it to be saved."""

    document: JobStoreDocument
    save: Any


class HoldingStore(JobStore):
    """A job store that holds back the document that ``Job.run`` writes.

    The runner stores it together with the job's ``Response``, which ``Job.run`` returns only
    afterwards. Whatever else a job writes goes through at once.
    """

    def __init__(self, store: JobStore) -> None:
        super().__init__(
            store.docs_store, store.additional_stores, save=store.save, load=store.load
        )
        self._expected: tuple[str, int] | None = None
        self._held: HeldOutput | None = None

    def expect(self, job: Job) -> None:
        """Hold back the document of this job from now on, and forget an earlier one."""
        self._expected = (job.uuid, job.index)
        self._held = None

    def update(self, docs: Any, key: list[str] | str | None = None, save: Any = None) -> None:
        """Hold back the expected job's document; update with others."""
        if isinstance(docs, JobStoreDocument) and (docs.uuid, docs.index) == self._expected:
            self._held = HeldOutput(docs, save)
        else:
            super().update(docs, key=key, save=save)

    def release(self) -> HeldOutput:
        """Return what was held back, and let go of it."""
        if self._held is None:
            raise RuntimeError("the job has written no document")
        held, self._held = self._held, None
        return held


class UnstorableResponseError(ValueError):
    """A job's replacement, detour or addition cannot be written, so it could not be found again."""


class RunRecords:
    """Outcomes and failures of jobs, in the file of the job store's outputs.

    Parameters
    ----------
    store
        Connected job store whose documents are in a
        :class:`~workflows.store.sqlite_store.SqliteStore`.

    Raises
    ------
    TypeError
        If they are not.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._docs = _sqlite_docs(store)
        self._outcomes = _outcome_store(self._docs)
        self._failures = _failure_store(self._docs)
        self._outcomes.connect()
        self._failures.connect()
        last = next(self._outcomes.query({}, ["serial"], sort={"serial": -1}, limit=1), None)
        self._last_serial = 0 if last is None else last["serial"]

    def close(self) -> None:
        """Close what this object opened; the job store stays open."""
        self._outcomes.close()
        self._failures.close()

    @property
    def path(self) -> str:
        """The file."""
        return self._docs.path

    def finished(self, uuid: str, index: int) -> dict[str, Any] | None:
        """Return the record of a finished job; None if that or its output is missing or damaged."""
        identity = {"uuid": uuid, "index": index}
        if self._docs.query_one(identity, ["uuid"]) is None or self._outcomes.damaged(identity):
            return None
        record = self._outcomes.query_one(identity)
        return None if record is None or self._output_damaged(record) else dict(record)

    def damaged(self, uuid: str, index: int) -> bool:
        """Tell whether the output of a job is there, and what is stored of it damaged."""
        identity = {"uuid": uuid, "index": index}
        if self._docs.query_one(identity, ["uuid"]) is None:
            return False
        if self._outcomes.damaged(identity) or self._docs.damaged(identity):
            return True
        record = self._outcomes.query_one(identity)
        return record is not None and self._output_damaged(record)

    def _output_damaged(self, record: dict[str, Any]) -> bool:
        """Tell whether the output of a job on record, or large data of it, is damaged or gone."""
        if self._docs.damaged({"uuid": record["uuid"], "index": record["index"]}):
            return True
        large = {"job_uuid": record["uuid"], "job_index": record["index"]}
        if any(store.damaged(large) for store in self._large_stores()):
            return True
        return "large" in record and record["large"] != self._n_large(large)

    def serial(self, uuid: str, index: int) -> int:
        """Return the serial of a job whose record may be damaged; 0 if it has none."""
        found = self._outcomes.query_one({"uuid": uuid, "index": index}, ["serial"])
        return 0 if found is None else int(found.get("serial", 0))

    def _large_stores(self) -> list[SqliteStore]:
        return [
            store
            for store in self._store.additional_stores.values()
            if isinstance(store, SqliteStore)
        ]

    def _n_large(self, criteria: dict[str, Any]) -> int:
        return sum(store.count(criteria) for store in self._large_stores())

    def next_serial(self) -> int:
        """Return the number of the next job to be recorded as finished."""
        self._last_serial += 1
        return self._last_serial

    def finish(
        self,
        job: Job,
        output: HeldOutput,
        outcome: JobOutcome,
        seconds: float,
        recipe: str | None = None,
    ) -> None:
        """Store output and outcome of a job in one transaction.

        A job whose outcome has no serial is not recorded as finished, and runs each time.

        Parameters
        ----------
        recipe
            From what the output was made, where that was told in the queue.

        Raises
        ------
        UnstorableResponseError
            If a flow that follows the job cannot be serialised.
        """
        identity = {"uuid": job.uuid, "index": job.index}
        record = _record(job, outcome, seconds) if outcome.serial else None
        with self._docs.transaction():
            for name in output.save or ():  # large data of an earlier run of this job
                if name in self._store.additional_stores:
                    self._store.additional_stores[name].remove_docs(
                        {"job_uuid": job.uuid, "job_index": job.index}
                    )
            self._store.update(output.document, key=["uuid", "index"], save=output.save)
            if record is not None:
                n_large = self._n_large({"job_uuid": job.uuid, "job_index": job.index})
                record |= {"large": n_large} | ({} if recipe is None else {"recipe": recipe})
                self._outcomes.update(record, key=["uuid", "index"])
            self._failures.remove_docs(identity)

    def fail(self, job: Job, error: BaseException, trace: str) -> JobFailure:
        """Store a failure in place of an earlier one of the same job."""
        failure = JobFailure.of(job, error, trace)
        self.keep_failure(failure)
        return failure

    def keep_failure(self, failure: JobFailure) -> None:
        """Store a failure in place of an earlier one of the same job."""
        self._failures.update(dict(vars(failure)), key=["uuid", "index"])


def replayed_outcome(record: dict[str, Any]) -> JobOutcome | None:
    """Return the outcome a record tells; its flows have the uuids they had before.

    None if they cannot be rebuilt since the code that made them has changed.
    """
    try:
        followers = tuple(map(rebuilt_flow, record["followers"]))
    except Exception as error:  # noqa: BLE001  # constructors raise whatever they like
        logger.warning(
            "%s (%s, index %d) runs again: the jobs it led to cannot be rebuilt with today's "
            "code (%r)",
            *(record[field] for field in ("name", "uuid", "index")),
            error,
        )
        return None
    return JobOutcome(
        followers=followers,
        stop_children=record["stop_children"],
        stop_jobflow=record["stop_jobflow"],
        serial=record["serial"],
    )


def failed_jobs(store: JobStore) -> Iterator[JobFailure]:
    """Yield the failures on record, the oldest first.

    Parameters
    ----------
    store
        A job store as :func:`~workflows.store.sqlite_store.job_store` makes it.
    """
    with _failure_store(_sqlite_docs(store)) as failures:
        failures.remove_damaged()  # the next run tries these jobs again
        for record in failures.query():
            yield JobFailure(**record)


def _record(job: Job, outcome: JobOutcome, seconds: float) -> dict[str, Any]:
    try:
        followers = [stored_flow(flow) for flow in outcome.followers]
    except Exception as error:  # MSONable objects raise whatever they like
        raise UnstorableResponseError(
            f"the jobs that {job.name!r} leads to cannot be stored ({error!r}); their functions "
            "must be importable and their inputs MSONable"
        ) from error
    return {
        "uuid": job.uuid,
        "index": job.index,
        "name": job.name,
        "finished_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "seconds": seconds,
        "serial": outcome.serial,
        "stop_children": outcome.stop_children,
        "stop_jobflow": outcome.stop_jobflow,
        "followers": followers,
    }


def _sqlite_docs(store: JobStore) -> SqliteStore:
    if not isinstance(store.docs_store, SqliteStore):
        raise TypeError(
            f"jobs can be resumed from a SqliteStore only, not {type(store.docs_store).__name__}; "
            "make the store with workflows.store.sqlite_store.job_store"
        )
    return store.docs_store


def _outcome_store(docs: SqliteStore) -> SqliteStore:
    return docs.sibling("outcomes", key="uuid", searchable_fields=["index", "serial"])


def _failure_store(docs: SqliteStore) -> SqliteStore:
    return docs.sibling("failures", key="uuid", searchable_fields=["index"])
