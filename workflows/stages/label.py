"""Stage *label*: run the engine on every structure; what is finished is never run again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobflow import Flow, Job, JobStore
from pymatgen.core import Structure

from cuprolith.json_files import write_json
from generators.family import kind_of
from workflows.jobs.run_records import failed_jobs
from workflows.jobs.runner import run_flows
from workflows.labelling.engine import Engine, make_engine
from workflows.labelling.label_metadata import BUILDS
from workflows.labelling.label_runs import LabelRun, label_runs, structure_flows
from workflows.labelling.relaxed_parents import fallen_apart
from workflows.labelling.settings import PAPER_COOLING_RATE
from workflows.progress import ProgressBar, progress_bar
from workflows.store.sqlite_store import job_store
from workflows.structures_io import iter_structures, require_structures
from workflows.workdir import Workdir


@dataclass(frozen=True)
class LabelSummary:
    """What is labelled so far.

    Attributes
    ----------
    skipped
        Structures that nothing was computed of, since a slab they are built from is unusable.
    fallen_apart
        Relaxed slabs, with or without a defect, that are no slabs any more.
    """

    runs: int
    finished: int
    frames: int
    unconverged: int
    failed: int
    skipped: int
    fallen_apart: int
    seconds: float

    def __str__(self) -> str:
        """One line for the terminal."""
        text = f"{self.finished} of {self.runs} runs labelled, {self.frames} ionic steps"
        if self.unconverged:
            text += f", {self.unconverged} relaxations short of their force limit"
        if self.fallen_apart:
            text += f", {self.fallen_apart} slabs fell apart"
        if self.skipped:
            text += f", {self.skipped} structures skipped for want of a sound slab"
        if self.failed:
            text += f", {self.failed} jobs FAILED"
        if self.failed or self.skipped or self.fallen_apart:
            text += " (see labels.json; run again to retry what failed)"
        return text


class LabelProgress:
    """Shows label jobs on a progress bar whose total the plan knows.

    Jobs that only build a structure are not counted.
    """

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar

    def on_flow(self, n_jobs: int) -> None:
        """Ignore: the segments to come are in the plan already."""

    def on_start(self, job: Job) -> None:
        """Say what runs."""
        self._bar.say(job.name)

    def on_finish(self, job: Job, seconds: float) -> None:
        """Advance."""
        self._bar.advance(_n_labels(job))

    def on_skip(self, job: Job) -> None:
        """Advance."""
        self._bar.advance(_n_labels(job))

    def on_fail(self, job: Job, error: BaseException) -> None:
        """Advance, and say so."""
        self._bar.advance(_n_labels(job), f"FAILED {job.name}: {error}")


def _n_labels(job: Job) -> int:
    return 0 if job.metadata.get(BUILDS) else 1


def planned_runs(workdir: Workdir) -> tuple[Engine, list[LabelRun]]:
    """Return the engine and the runs of a workdir's structures."""
    campaign = workdir.campaign()
    structures = workdir.require(workdir.structures_xyz, "generate")
    require_structures(structures, workdir.structures_json)
    engine = make_engine(campaign.engine)
    runs = list(label_runs(iter_structures(structures), campaign.engine, engine, campaign.seed))
    return engine, runs


def n_label_jobs(runs: list[LabelRun]) -> int:
    """Count the jobs of all runs, segments included."""
    return sum(run.n_jobs for run in runs)


def label_flow(workdir: Workdir) -> Flow:
    """Return the flow of all label jobs."""
    engine, runs = planned_runs(workdir)
    flows = list(structure_flows(runs, engine, workdir.campaign().seed))
    return Flow(flows, name="label")


def label(workdir: Workdir) -> LabelSummary:
    """Run every label job that is not finished, then summarise."""
    engine, runs = planned_runs(workdir)
    flows = structure_flows(runs, engine, workdir.campaign().seed)
    with (
        job_store(workdir.label_store) as store,
        progress_bar("label", total=n_label_jobs(runs)) as bar,
    ):
        run_flows(
            flows,
            store,
            observer=LabelProgress(bar),
            log_path=workdir.label_log,
            root_dir=workdir.runs,
            allow_external_references=True,
        )
    return summarise_labels(workdir)


def summarise_labels(workdir: Workdir) -> LabelSummary:
    """Write ``labels/labels.json`` from the stored documents; trajectories are not loaded."""
    engine, runs = planned_runs(workdir)
    with job_store(workdir.label_store) as store:
        rows = [row for run in runs if (row := _run_row(store, run)) is not None]
        skipped = [row for run in runs if (row := _skipped_row(store, run)) is not None]
        failures = [
            {
                "name": failure.name,
                "structure_id": failure.metadata["structure_id"],
                "error": failure.error,
            }
            for failure in failed_jobs(store)
            if "structure_id" in failure.metadata
        ]
    quench = workdir.campaign().engine.melt_quench
    notes = []
    if quench is not None and quench.scaled_down:
        notes.append(
            f"{quench.label}: {quench.melt_temperature:g} K to {quench.final_temperature:g} K at "
            f"{quench.cooling_rate:g} K/ps in {quench.quench_steps} steps; the paper cools at "
            f"{PAPER_COOLING_RATE:g} K/ps"
        )
    seconds = sum(row["seconds"] for row in rows)
    content = {
        "engine": engine.name,
        "functional": engine.functional,
        "config_hash": engine.config_hash,
        "simulated_by": engine.simulated_by,
        "notes": notes,
        "trajectories": rows,
        "skipped": skipped,
        "failures": failures,
    }
    write_json(workdir.labels_json, content)
    workdir.record_seconds("label", seconds)
    return LabelSummary(
        runs=len(runs),
        finished=len(rows),
        frames=sum(row["n_steps"] for row in rows),
        unconverged=sum(row["converged"] is False for row in rows),
        failed=len(failures),
        skipped=len(skipped),
        fallen_apart=sum(bool(row["fallen_apart"]) for row in rows),
        seconds=seconds,
    )


def _run_row(store: JobStore, run: LabelRun) -> dict[str, Any] | None:
    """Summarise the finished jobs of one run; None if there is none."""
    documents = []
    for uuid in run.job_uuids:
        document = store.query_one({"uuid": uuid}, load=False)
        if document is None:
            break
        documents.append(document["output"])
    if not documents:
        return None
    first, last = documents[0], documents[-1]
    return {
        "trajectory_id": first["trajectory_id"],
        "structure_id": run.record.structure_id,
        "family": run.record.family,
        "task": run.task,
        "n_steps": sum(document["n_frames"] for document in documents),
        "complete": len(documents) == run.n_jobs,
        "converged": last["ionic_converged"],
        "stopped_because": last["stopped_because"],
        "fallen_apart": _fallen_apart(run, last["structure"]),
        "corrections": _all_of(documents, "corrections"),
        "drift": list(dict.fromkeys(_all_of(documents, "drift"))),
        "seconds": round(sum(document["seconds"] for document in documents), 3),
        "energy_first": first["energy_first"],
        "energy_last": last["energy_last"],
        "max_force_last": last["max_force_last"],
        "temperature": [t for document in documents for t in document["temperatures"]] or None,
    }


def _all_of(documents: list[dict[str, Any]], key: str) -> list[str]:
    return [text for document in documents for text in document.get(key, [])]


def _fallen_apart(run: LabelRun, final: dict[str, Any]) -> str:
    """Say why a relaxed slab, with or without a defect, is no slab any more; else ""."""
    kind = kind_of(run.record.family)
    if run.task != "relax" or not kind.slab_like:
        return ""
    ideal, relaxed = run.record.to_structure(), Structure.from_dict(final)
    return fallen_apart(ideal, relaxed, keeps_shape=kind.keeps_shape, adatom=kind.adatom)


def _skipped_row(store: JobStore, run: LabelRun) -> dict[str, Any] | None:
    """Say why a structure was skipped; None if it was not."""
    if not run.parents:
        return None
    document = store.query_one({"uuid": run.start_uuid}, load=False)
    if document is None or not document["output"]["skipped"]:
        return None
    return {
        "structure_id": run.record.structure_id,
        "family": run.record.family,
        "reason": document["output"]["skipped"],
    }
