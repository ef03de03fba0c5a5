"""Which runs label a campaign's structures: a relaxation each, a melt-quench per interface."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from jobflow import Flow, Job

from workflows.engines.document import Provenance
from workflows.engines.engine import Engine
from workflows.engines.settings import EngineSettings
from workflows.jobs.job_ids import stable_uuid
from workflows.structures_io import StructureRecord

MELT_QUENCH_FAMILIES = frozenset({"interface", "amorphous"})

# Mean of the quickstart's 67 relaxations with diep (to 0.05 eV/Å, at most 30 steps): 15.5.
_TYPICAL_RELAX_STEPS = 15


@dataclass(frozen=True)
class LabelRun:
    """One relaxation or one melt-quench, in one or more jobs.

    Attributes
    ----------
    run_id
        Made of the structure id, the engine's fingerprint and the run's settings, so that the
        same campaign finds its finished jobs again.
    n_jobs
        Segments of the run.
    estimated_steps
        Ionic steps: exact for MD, an estimate for relaxations.
    """

    record: StructureRecord
    task: str
    run_id: str
    n_jobs: int
    estimated_steps: int

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
    """Yield the runs of each structure; their order follows the structures."""
    for record in records:
        relax_id = _run_id("relax", record, engine, settings.relax.model_dump(mode="json"))
        steps = _TYPICAL_RELAX_STEPS if len(record.atoms) > 1 else 1
        yield LabelRun(record, "relax", relax_id, 1, min(steps, settings.relax.max_steps))
        quench = settings.melt_quench
        if quench is not None and record.family in MELT_QUENCH_FAMILIES:
            identity = {**quench.model_dump(mode="json"), "seed": seed, "start": relax_id}
            run_id = _run_id("melt_quench", record, engine, identity)
            yield LabelRun(record, "melt_quench", run_id, quench.n_segments, quench.n_steps + 1)


def structure_flows(runs: Iterable[LabelRun], engine: Engine, seed: int) -> Iterator[Flow]:
    """Yield one flow per structure: relax, then melt-quench what was relaxed if asked for."""
    for structure_id, group in groupby(runs, key=lambda run: run.record.structure_id):
        relax_run, *melt_runs = group
        relax = engine.relax.make(relax_run.record.to_structure(), relax_run.provenance)
        jobs = [_named(relax, relax_run, f"relax {structure_id}")]
        for run in melt_runs:
            assert engine.melt_quench is not None
            melt = engine.melt_quench.make(
                relax.output["structure"],
                run.provenance,
                run_id=run.run_id,
                seed=_velocity_seed(seed, structure_id),
            )
            name = f"{engine.melt_quench.settings.label} {structure_id} 1"
            jobs.append(_named(melt, run, name))
        yield Flow(jobs, name=structure_id)


def estimated_seconds(run: LabelRun, engine: Engine) -> float:
    """Estimate the cost of a run (s)."""
    return run.estimated_steps * len(run.record.atoms) * engine.seconds_per_atom


def _named(job: Job, run: LabelRun, name: str) -> Job:
    job.name = name
    job.set_uuid(run.job_uuids[0])
    job.update_metadata({"structure_id": run.record.structure_id})
    return job


def _run_id(task: str, record: StructureRecord, engine: Engine, identity: dict[str, Any]) -> str:
    settings = json.dumps(identity, sort_keys=True)
    text = "|".join((task, record.structure_id, engine.config_hash, settings))
    return hashlib.sha256(text.encode()).hexdigest()


def _velocity_seed(seed: int, structure_id: str) -> int:
    """Seed of a structure's initial velocities, independent of the order of structures."""
    return int(hashlib.sha256(f"{seed}:{structure_id}".encode()).hexdigest()[:8], 16)
