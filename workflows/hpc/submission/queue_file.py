"""``queue/queue.json``: what a campaign's jobs need to know of their queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cuprolith.errors import CuprolithError
from cuprolith.hashes import file_sha256
from cuprolith.json_files import read_json, write_json
from workflows.environment import cuprolith_version
from workflows.hpc.setup.settings import BatchSettings, HpcSettings
from workflows.hpc.setup.workers import VASP_EXECUTION, batch_worker_name
from workflows.labelling.label_metadata import BUILDS, N_ATOMS, RUNS_ON, TASK
from workflows.resource_classes import ResourceClass
from workflows.tuning.resources import RESOURCE
from workflows.workdir import Workdir

HASH_DIGITS = 12


class Route(BaseModel):
    """Which worker runs the jobs of a class; with `batch`, another one runs its short jobs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    worker: str
    exec_config: str | None = None
    batch: BatchSettings | None = None


class QueueFile(BaseModel):
    """A campaign's place in a queue; written at each submission.

    Attributes
    ----------
    version
        Of the Cuprolith that submitted; no other one may run the jobs.
    submission
        Counts the flows of the folder from 0; enters the ids of all jobs in the database, so that
        each submission has jobs of its own.
    campaign_hash
        Of the campaign file that was submitted; empty where no stage runs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    campaign: str
    project: str
    version: str
    submission: int = Field(ge=0)
    campaign_hash: str = ""
    routes: dict[ResourceClass, Route]
    dft_large_from_atoms: int

    @property
    def generation(self) -> str:
        """Distinguishes the jobs of this submission from those of others in the folder."""
        return f"{self.submission}-{self.campaign_hash}"

    def require_generation(self, generation: str) -> None:
        """Raise unless a job belongs to this submission.

        Raises
        ------
        CuprolithError
            If the campaign was submitted again, or another one was submitted to this folder, since
            the job was added.
        """
        if generation != self.generation:
            raise CuprolithError(
                f"this job is of submission {generation}, and the folder is of submission "
                f"{self.generation} (number and hash of the campaign file)",
                where=f"campaign {self.campaign}",
                remedy="leave it: a later submission does its work; if that was interrupted, run "
                "`cuprolith submit` again",
            )

    def require_version(self) -> None:
        """Raise unless this is the Cuprolith that submitted.

        Raises
        ------
        CuprolithError
            With both versions.
        """
        here = cuprolith_version()
        if here != self.version:
            raise CuprolithError(
                f"submitted by Cuprolith {self.version}, but this node has {here}",
                where=f"campaign {self.campaign}",
                remedy="install the same version in the environment of the jobs, then `cuprolith "
                "retry --failed`; or submit again with the version that the nodes have",
            )

    def resource(self, metadata: dict[str, Any]) -> ResourceClass:
        """Return the class of a job with such metadata."""
        given: ResourceClass | None = metadata.get(RESOURCE)
        runs_on = metadata.get(RUNS_ON)
        if given is not None or runs_on != "mpi":
            return given or ("gpu" if runs_on == "gpu" else "cpu")
        large = metadata[N_ATOMS] >= self.dft_large_from_atoms
        return "dft-large" if large or metadata[TASK] == "melt_quench" else "dft-small"

    def batch(self, metadata: dict[str, Any]) -> BatchSettings | None:
        """Return how a job with such metadata runs with others, if it is short."""
        batch = self.routes[self.resource(metadata)].batch
        if batch is None or metadata.get(BUILDS):
            return batch
        n_atoms = metadata.get(N_ATOMS)
        relaxes = metadata.get(TASK) != "melt_quench"
        is_short = n_atoms is not None and relaxes and n_atoms <= batch.up_to_atoms
        return batch if is_short else None

    def manager_config(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """Return worker and exec config of a job, as jobflow-remote takes them."""
        route = self.routes[self.resource(metadata)]
        worker = batch_worker_name(route.worker) if self.batch(metadata) else route.worker
        execution = {"exec_config": route.exec_config} if route.exec_config else {}
        return {"worker": worker, **execution}


def routes(settings: HpcSettings) -> dict[ResourceClass, Route]:
    """Return which workers of a project run which class."""
    return {
        name: Route(
            worker=name,
            exec_config=VASP_EXECUTION if settings.vasp and name.startswith("dft") else None,
            batch=given.batch,
        )
        for name, given in settings.classes.items()
    }


def queue_file(workdir: Workdir) -> Path:
    """Return the path of a workdir's queue file."""
    return workdir.root / "queue" / "queue.json"


def read_queue_file(workdir: Workdir) -> QueueFile:
    """Read a workdir's queue file.

    Raises
    ------
    CuprolithError
        If the workdir has none, or it cannot be read.
    """
    path = workdir.require(queue_file(workdir), "submit")
    try:
        return QueueFile.model_validate(read_json(path))
    except ValidationError as error:
        raise CuprolithError(
            f"not as this Cuprolith writes it: {error.errors()[0]['msg']}",
            where=str(path),
            remedy="run `cuprolith submit` again, with the version that the nodes have",
        ) from None


def write_queue_file(workdir: Workdir, queue: QueueFile) -> None:
    """Write a workdir's queue file."""
    write_json(queue_file(workdir), queue.model_dump(mode="json"))


def campaign_file_hash(workdir: Workdir) -> str:
    """Return the hash by which a flow and the campaign file of its folder are compared.

    Crystal files are named by their content there.
    """
    return file_sha256(workdir.campaign_yaml)[:HASH_DIGITS]
