"""Summary of the labels so far, ``labels/labels.json``; trajectories are not read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pymatgen.core import Structure

from cuprolith.json_files import write_json
from cuprolith.words import plural
from generators.family import kind_of
from workflows.engine_settings import PAPER_COOLING_RATE
from workflows.jobs.job_folder import DamagedFileError, JobFolder
from workflows.labelling.document import LabelDocument
from workflows.labelling.label_plan import LabelPlan
from workflows.labelling.label_runs import LabelRun
from workflows.labelling.relaxed_parents import fallen_apart
from workflows.workdir import Workdir


@dataclass(frozen=True)
class LabelSummary:
    """Counts of what is labelled so far.

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
        text = f"{self.finished} of {plural(self.runs, 'run')} labelled, "
        text += plural(self.frames, "ionic step")
        if self.unconverged:
            text += f", {plural(self.unconverged, 'relaxation')} short of the force limit"
        if self.fallen_apart:
            text += f", {plural(self.fallen_apart, 'slab')} fell apart"
        if self.skipped:
            skipped = plural(self.skipped, "structure")
            text += f", {skipped} skipped because the slab failed or fell apart"
        if self.failed:
            text += f", {plural(self.failed, 'job')} FAILED"
        if self.failed or self.skipped or self.fallen_apart:
            text += " (see labels.json; run again to retry what failed)"
        return text


def summarise_labels(workdir: Workdir, plan: LabelPlan) -> LabelSummary:
    """Write ``labels/labels.json`` from the results of the jobs."""
    results = _Results(plan.folder)
    rows = [row for run in plan.runs if (row := _run_row(results, run)) is not None]
    skipped = [row for run in plan.runs if (row := _skipped_row(results, run)) is not None]
    failures = [
        {
            "name": failure.name,
            "structure_id": failure.metadata["structure_id"],
            "error": failure.error,
        }
        for failure in plan.folder.failures()
        if "structure_id" in failure.metadata
    ]
    failures += results.damaged
    seconds = sum(row["seconds"] for row in rows)
    content = {
        "engine": plan.engine.name,
        "functional": plan.engine.functional,
        "config_hash": plan.engine.config_hash,
        "simulated": plan.engine.simulated,
        "simulated_by": plan.engine.simulated_by,
        "notes": _notes(plan),
        "trajectories": rows,
        "skipped": skipped,
        "failures": failures,
    }
    write_json(workdir.labels_json, content)
    workdir.record_seconds("label", seconds)
    return LabelSummary(
        runs=len(plan.runs),
        finished=len(rows),
        frames=sum(row["n_steps"] for row in rows),
        unconverged=sum(row["converged"] is False for row in rows),
        failed=len(failures),
        skipped=len(skipped),
        fallen_apart=sum(bool(row["fallen_apart"]) for row in rows),
        seconds=seconds,
    )


def _notes(plan: LabelPlan) -> list[str]:
    quench = plan.campaign.engine.melt_quench
    if quench is None or not quench.scaled_down:
        return []
    return [
        f"{quench.label}: {quench.melt_temperature:g} K to {quench.final_temperature:g} K at "
        f"{quench.cooling_rate:g} K/ps in {quench.quench_steps} steps; the paper cools at "
        f"{PAPER_COOLING_RATE:g} K/ps"
    ]


class _Results:
    """Outputs of the jobs without their large data; what is damaged is listed."""

    def __init__(self, folder: JobFolder) -> None:
        self._folder = folder
        self.damaged: list[dict[str, str]] = []

    def output(self, uuid: str, run: LabelRun) -> dict[str, Any] | None:
        """Return the output of a job; None if there is none, or it is damaged."""
        try:
            result = self._folder.result(uuid)
        except DamagedFileError as error:
            structure_id = run.record.structure_id
            name = f"{run.task} {structure_id}"
            self.damaged.append({"name": name, "structure_id": structure_id, "error": str(error)})
            return None
        return None if result is None else result.document["output"]


def _run_row(results: _Results, run: LabelRun) -> dict[str, Any] | None:
    """Summarise the finished jobs of one run; None if there is none."""
    documents = []
    for uuid in run.job_uuids:
        output = results.output(uuid, run)
        if output is None:
            break
        documents.append(LabelDocument.from_dict(output))
    if not documents:
        return None
    first, last = documents[0], documents[-1]
    drift = _all_of(documents, lambda document: document.drift)
    return {
        "trajectory_id": first.trajectory_id,
        "structure_id": run.record.structure_id,
        "family": run.record.family,
        "task": run.task,
        "n_steps": sum(document.n_frames for document in documents),
        "complete": len(documents) == run.n_jobs,
        "converged": last.ionic_converged,
        "stopped_because": last.stopped_because,
        "fallen_apart": _fallen_apart(run, last.structure),
        "corrections": _all_of(documents, lambda document: document.corrections),
        "drift": list(dict.fromkeys(drift)),
        "seconds": round(sum(document.seconds for document in documents), 3),
        "energy_first": first.energy_first,
        "energy_last": last.energy_last,
        "max_force_last": last.max_force_last,
        "temperature": _all_of(documents, lambda document: document.temperatures) or None,
    }


def _all_of(
    documents: list[LabelDocument], values: Callable[[LabelDocument], list[Any]]
) -> list[Any]:
    return [value for document in documents for value in values(document)]


def _fallen_apart(run: LabelRun, final: dict[str, Any]) -> str:
    """Say why a relaxed slab, with or without a defect, is no slab any more; else ""."""
    kind = kind_of(run.record.family)
    if run.task != "relax" or not kind.slab_like:
        return ""
    ideal = run.record.to_structure()
    relaxed = Structure.from_dict(final)
    return fallen_apart(ideal, relaxed, keeps_shape=kind.keeps_shape, adatom=kind.adatom)


def _skipped_row(results: _Results, run: LabelRun) -> dict[str, Any] | None:
    """Say why a structure was skipped; None if it was not."""
    if not run.parents:
        return None
    output = results.output(run.start_uuid, run)
    if output is None or not output["skipped"]:
        return None
    return {
        "structure_id": run.record.structure_id,
        "family": run.record.family,
        "reason": output["skipped"],
    }
