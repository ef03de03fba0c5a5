"""The stages of a campaign as jobs of the queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobflow import Flow, Job, OnMissing, OutputReference, Response, job

from cuprolith.errors import CuprolithError
from cuprolith.lock import workdir_lock
from workflows.hpc.job_metadata import CAMPAIGN, CAMPAIGN_HASH, SUBMISSION, WORKDIR
from workflows.hpc.submission.queue_file import QueueFile, campaign_file_hash, read_queue_file
from workflows.hpc.submission.queue_planner import QueuePlanner, assign_worker
from workflows.inputs.campaign import Campaign
from workflows.jobs.job_ids import stable_uuid
from workflows.stage import STAGES, campaign_stages
from workflows.tuning.resources import RESOURCE
from workflows.workdir import Workdir


@job
def run_stage(workdir: str, stage: str, after: Any, generation: str) -> Response:
    """Run a stage of a campaign, or lead to its jobs that have no result yet.

    Parameters
    ----------
    generation
        Of the submission that the job belongs to.

    Raises
    ------
    WorkdirBusyError
        If another process works in the workdir.
    CuprolithError
        If the campaign there is not the one that was submitted.
    """
    opened = Workdir(Path(workdir))
    queue = read_queue_file(opened)
    queue.require_version()
    queue.require_generation(generation)
    if campaign_file_hash(opened) != queue.campaign_hash:
        raise CuprolithError(
            "this is not the campaign that was submitted: it was changed by hand since, or by a "
            "submission that was interrupted",
            where=str(opened.campaign_yaml),
            remedy="run `cuprolith submit` again with the file that you want, and --update",
        )
    with workdir_lock(opened.root):
        found = STAGES[stage]
        if found.jobs is None:
            summary = str(found.run(opened))
            print(summary, flush=True)
            return Response(output={"summary": summary})
        jobs = found.jobs(opened)
        flow = QueuePlanner(opened, queue, jobs.folder, stage).flow(jobs.flows)
        n_jobs = 0 if flow is None else len(flow.jobs)
        return Response(output={"summary": f"{n_jobs} jobs left for {jobs.summary}"}, detour=flow)


def campaign_flow(workdir: Workdir, queue: QueueFile, campaign: Campaign) -> Flow:
    """Return the flow of a campaign: its stages, which lead to all other jobs.

    Parameters
    ----------
    workdir
        As the nodes see it; nothing in it is read here.
    campaign
        The submitted one, which says which stages there are.
    """
    jobs: list[Job] = []
    after: OutputReference | None = None
    for stage in campaign_stages(campaign):
        made = run_stage(str(workdir.root), stage.name, after, queue.generation)
        made.name = stage.name
        made.set_uuid(
            stable_uuid("queue", str(queue.submission), "stage", stage.name, str(workdir.root))
        )
        made.update_metadata({RESOURCE: stage.resource}, dynamic=False)
        assign_worker(made, workdir, queue, stage.name, stage.name, made.metadata)
        if not stage.after_failures:
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
