"""Runs that label a campaign's structures: one each, and a melt-quench per interface."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from jobflow import Flow, Job, JobConfig, OnMissing, OutputReference
from pymatgen.core import Structure

from cuprolith.hashes import sha256
from generators.family import kind_of
from workflows.engine import Engine
from workflows.engine_settings import EngineSettings
from workflows.jobs.job_ids import stable_uuid
from workflows.labelling.document import Provenance
from workflows.labelling.label_metadata import BUILDS, N_ATOMS, RUNS_ON, TASK
from workflows.labelling.relaxed_parents import relaxed_start
from workflows.structures.structure_files import StructureRecord

# Mean of the quickstart's 67 relaxations with diep (to 0.05 eV/Å, at most 30 steps): 15.5.
_TYPICAL_RELAX_STEPS = 15


@dataclass(frozen=True)
class LabelRun:
    """One relaxation, static calculation or melt-quench, in one or more jobs.

    Attributes
    ----------
    run_id
        Made of the structure id, the engine's fingerprint, the run's settings and the runs it
        starts from, so that the same campaign finds its finished jobs again.
    n_jobs
        Segments of the run.
    estimated_steps
        Ionic steps: exact for MD, an estimate for relaxations.
    parents
        Relaxations of the slabs that the start is built from.
    """

    record: StructureRecord
    task: str
    run_id: str
    n_jobs: int
    estimated_steps: int
    parents: tuple[LabelRun, ...] = ()

    @property
    def start_uuid(self) -> str:
        """Uuid of the job that builds the start of a run with parents."""
        return stable_uuid(self.run_id, "start")

    @property
    def job_uuids(self) -> tuple[str, ...]:
        """Uuids of the run's jobs, in the order of their ionic steps."""
        return tuple(stable_uuid(self.run_id, str(index)) for index in range(self.n_jobs))

    @property
    def provenance(self) -> Provenance:
        """Provenance of the structure, for the run's frames."""
        return Provenance(
            structure_id=self.record.structure_id,
            family=self.record.family,
            miller_index=self.record.miller_index,
            parent_id=self.record.parent_id,
        )


def label_runs(
    records: Iterable[StructureRecord], settings: EngineSettings, engine: Engine, seed: int
) -> Iterator[LabelRun]:
    """Yield the runs of each structure, in the order of the structures but parents first.

    A structure built from slabs that are among `records` starts from their relaxed atoms; slabs
    that are not among them count as ideal. With ``task: static`` all structures are labelled as
    they are.
    """
    if settings.task == "static":
        yield from (_static(record, engine) for record in records)
        return
    relaxations: dict[str, LabelRun] = {}
    # A stable sort: what others are built from is not itself built from anything.
    for record in sorted(records, key=lambda record: bool(record.parent_mapping)):
        parent_ids = dict.fromkeys(mapping.parent_id for mapping in record.parent_mapping)
        parents = tuple(relaxations[name] for name in parent_ids if name in relaxations)
        relax = _relaxation(record, settings, engine, parents)
        relaxations[record.structure_id] = relax
        yield relax
        quench = settings.melt_quench
        if quench is not None and kind_of(record.family).melts:
            identity = {**quench.model_dump(mode="json"), "seed": seed, "start": relax.run_id}
            run_id = _run_id("melt_quench", record, engine, identity)
            yield LabelRun(record, "melt_quench", run_id, quench.n_segments, quench.n_steps + 1)


def structure_flows(runs: Iterable[LabelRun], engine: Engine, seed: int) -> Iterator[Flow]:
    """Yield one flow per structure: its first run, then its melt-quench if there is one.

    Flows of structures with parents refer to outputs of their parents' flows, which come first.
    """
    for structure_id, group in groupby(runs, key=lambda run: run.record.structure_id):
        first_run, *melt_runs = group
        start: Structure | OutputReference = first_run.record.to_structure()
        jobs = []
        if first_run.parents:
            build = _build_start(first_run)
            jobs.append(build)
            start = build.output["structure"]
        first = engine.maker(first_run.task).make(start, first_run.provenance)
        jobs.append(_named(first, first_run, engine, f"{first_run.task} {structure_id}"))
        for run in melt_runs:
            assert engine.melt_quench is not None
            melt = engine.melt_quench.make(
                first.output["structure"],
                run.provenance,
                run_id=run.run_id,
                seed=velocity_seed(seed, structure_id),
            )
            name = f"{engine.melt_quench.settings.label} {structure_id} 1"
            jobs.append(_named(melt, run, engine, name))
        yield Flow(jobs, name=structure_id)


def _static(record: StructureRecord, engine: Engine) -> LabelRun:
    run_id = _run_id("static", record, engine, {})
    return LabelRun(record, "static", run_id, n_jobs=1, estimated_steps=1)


def _relaxation(
    record: StructureRecord,
    settings: EngineSettings,
    engine: Engine,
    parents: tuple[LabelRun, ...],
) -> LabelRun:
    identity = settings.relax.model_dump(mode="json")
    if parents:
        identity["parents"] = [parent.run_id for parent in parents]
    steps = _TYPICAL_RELAX_STEPS if len(record.atoms) > 1 else 1
    return LabelRun(
        record=record,
        task="relax",
        run_id=_run_id("relax", record, engine, identity),
        n_jobs=1,
        estimated_steps=min(steps, settings.relax.max_steps),
        parents=parents,
    )


def _build_start(run: LabelRun) -> Job:
    """Job that carries the relaxation of a structure's slabs over to it."""
    parents = {}
    for parent in run.parents:
        relaxation = OutputReference(parent.job_uuids[0])
        parents[parent.record.structure_id] = {
            "ideal": parent.record.to_structure(),
            "relaxed": relaxation["structure"],
            "stopped_because": relaxation["stopped_because"],
        }
    build = relaxed_start(run.record.to_structure(), list(run.record.parent_mapping), parents)
    build.name = f"start {run.record.structure_id}"
    build.set_uuid(run.start_uuid)
    # If a parent has failed, the job runs nevertheless: it says so and stops those after it.
    build.config = JobConfig(on_missing_references=OnMissing.NONE)
    build.update_metadata({"structure_id": run.record.structure_id, BUILDS: True}, dynamic=False)
    return build


def _named(job: Job, run: LabelRun, engine: Engine, name: str) -> Job:
    job.name = name
    job.set_uuid(run.job_uuids[0])
    job.update_metadata(
        {
            "structure_id": run.record.structure_id,
            RUNS_ON: engine.runs_on,
            TASK: run.task,
            N_ATOMS: len(run.record.atoms),
        }
    )
    return job


def _run_id(task: str, record: StructureRecord, engine: Engine, identity: dict[str, Any]) -> str:
    settings = json.dumps(identity, sort_keys=True)
    text = "|".join((task, record.structure_id, engine.config_hash, settings))
    return sha256(text)


def velocity_seed(seed: int, structure_id: str) -> int:
    """Seed of a structure's initial velocities, independent of the order of structures."""
    return int(sha256(f"{seed}:{structure_id}")[:8], 16)
