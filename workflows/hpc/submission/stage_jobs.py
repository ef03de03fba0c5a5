"""The stages of a campaign as jobs of the queue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobflow import Flow, Job, OnMissing, OutputReference, Response, job

from cuprolith.errors import CuprolithError
from workflows.hpc.job_metadata import CAMPAIGN, CAMPAIGN_HASH, RESOURCE, SUBMISSION, WORKDIR
from workflows.hpc.resource_classes import ResourceClass
from workflows.hpc.submission.campaign_file import campaign_file_hash
from workflows.hpc.submission.gather import gather_labels, label_jobs
from workflows.hpc.submission.job_folder import JobFolder
from workflows.hpc.submission.queue_file import QueueFile, read_queue_file
from workflows.hpc.submission.queued_job import QueuePlanner, placed
from workflows.jobs.job_ids import stable_uuid
from workflows.lock import workdir_lock
from workflows.workdir import Workdir

_RESOURCES: dict[str, ResourceClass] = {
    "generate": "cpu",
    "label": "cpu",
    "collect": "cpu",
    "train": "gpu",
    "tune": "cpu",
    "judge": "cpu",
    "report": "cpu",
}
LAST_STAGE = "report"
# Whatever failed before them, they make the most of what did not.
_AFTER_FAILURES = frozenset({"collect", "judge", "report"})


@job
def stage_job(workdir: str, stage: str, after: Any, generation: str) -> Response:
    """Run a stage of a campaign, or lead to the jobs it consists of.

    Parameters
    ----------
    generation
        Of the submission that the job belongs to.

    Raises
    ------
    WorkdirBusyError
        If someone works in the workdir by hand.
    CuprolithError
        If the campaign there is not the one that was submitted.
    """
    opened = Workdir(Path(workdir))
    queue = read_queue_file(opened)
    queue.require_version()
    queue.require_generation(generation)
    _require_campaign(opened, queue)
    with workdir_lock(opened.root):
        return _STAGES[stage](opened, queue)


def _require_campaign(workdir: Workdir, queue: QueueFile) -> None:
    """Raise unless the workdir holds the campaign that was submitted."""
    if campaign_file_hash(workdir) != queue.campaign_hash:
        raise CuprolithError(
            "this is not the campaign that was submitted: it was changed by hand since, or by a "
            "submission that was cut off",
            where=str(workdir.campaign_yaml),
            remedy="run `cuprolith submit` again with the file that you want, and --update",
        )


def campaign_flow(workdir: Workdir, queue: QueueFile, *, tunes: bool) -> Flow:
    """Return the flow of a campaign: its stages, which lead to all else.

    Parameters
    ----------
    workdir
        As the nodes see it; nothing in it is read here.
    tunes
        Whether the campaign asks for a study.
    """
    study = ["tune", "judge"] if tunes else []
    jobs: list[Job] = []
    after: OutputReference | None = None
    for stage in ["generate", "label", "collect", "train", *study, LAST_STAGE]:
        made = stage_job(str(workdir.root), stage, after, queue.generation)
        made.name = stage
        made.set_uuid(
            stable_uuid("queue", str(queue.submission), "stage", stage, str(workdir.root))
        )
        made.update_metadata({RESOURCE: _RESOURCES[stage]}, dynamic=False)
        made = placed(made, workdir, queue, made, stage)
        if stage not in _AFTER_FAILURES:
            made.config.on_missing_references = OnMissing.ERROR
        after = made.output
        jobs.append(made)
    metadata = {
        CAMPAIGN: queue.campaign,
        WORKDIR: str(workdir.root),
        SUBMISSION: queue.submission,
        CAMPAIGN_HASH: queue.campaign_hash,
    }
    # An id of its own: two that submit at once then cannot both write the flow.
    uuid = stable_uuid("queue", str(queue.submission), "flow", str(workdir.root))
    return Flow(jobs, name=queue.campaign, uuid=uuid, metadata=metadata)


def _generate(workdir: Workdir, queue: QueueFile) -> Response:
    from workflows.stages.generate import generate

    return _summary(generate(workdir))


def _label(workdir: Workdir, queue: QueueFile) -> Response:
    from workflows.labelling.label_runs import structure_flows
    from workflows.stages.label import planned_runs

    engine, runs = planned_runs(workdir)
    planner = QueuePlanner(workdir, queue, label_jobs(workdir), "label")
    flow = planner.flow(structure_flows(runs, engine, workdir.campaign().seed))
    n_jobs = 0 if flow is None else len(flow.jobs)
    return Response(output={"summary": f"{n_jobs} jobs left for {len(runs)} runs"}, detour=flow)


def _collect(workdir: Workdir, queue: QueueFile) -> Response:
    from workflows.stages.collect import collect
    from workflows.stages.label import summarise_labels

    gather_labels(workdir)
    labelled = summarise_labels(workdir)
    return _summary(f"{labelled}\n{collect(workdir)}")


def _train(workdir: Workdir, queue: QueueFile) -> Response:
    from workflows.stages.train import train

    return _summary(train(workdir))


def _tune(workdir: Workdir, queue: QueueFile) -> Response:
    from workflows.stages.tune import study_flow

    study = study_flow(workdir)
    folder = workdir.study(workdir.campaign().training.variant)
    planner = QueuePlanner(workdir, queue, JobFolder(folder / "queue", folder), "tune")
    flow = None if study is None else planner.flow([study])
    return Response(
        output={"summary": "the study is finished" if flow is None else "begun"}, detour=flow
    )


def _judge(workdir: Workdir, queue: QueueFile) -> Response:
    from workflows.stages.tune import write_study_results

    return _summary(write_study_results(workdir))


def _report(workdir: Workdir, queue: QueueFile) -> Response:
    from workflows.stages.report import report

    return _summary(report(workdir))


def _summary(summary: object) -> Response:
    print(summary, flush=True)
    return Response(output={"summary": str(summary)})


_STAGES: dict[str, Callable[[Workdir, QueueFile], Response]] = {
    "generate": _generate,
    "label": _label,
    "collect": _collect,
    "train": _train,
    "tune": _tune,
    "judge": _judge,
    "report": _report,
}
