"""The whole campaign as one jobflow flow: generate → label → collect → train → report."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from jobflow import Flow, Job, Response, job

from workflows.errors import CuprolithError
from workflows.jobs.job_ids import stable_uuid
from workflows.jobs.runner import run_flow
from workflows.progress import announce, progress_bar
from workflows.stages.label import LabelProgress, n_label_jobs, planned_runs
from workflows.store.sqlite_store import job_store
from workflows.workdir import Workdir

STAGES = ("generate", "label", "collect", "train", "report")


@job
def generate_job(workdir: str) -> dict[str, Any]:
    """Write the campaign's structures."""
    from workflows.stages.generate import generate

    return _announced(generate(Workdir(Path(workdir))))


@job
def label_job(workdir: str, after: dict[str, Any]) -> Response:
    """Add the flow of all label jobs; they run before anything that follows."""
    from workflows.stages.label import label_flow

    flow = label_flow(Workdir(Path(workdir)))
    return Response(output={"structures": len(flow.jobs)}, detour=flow)


@job
def collect_job(workdir: str, after: dict[str, Any]) -> dict[str, Any]:
    """Summarise the labels and build the dataset."""
    from workflows.stages.collect import collect
    from workflows.stages.label import summarise_labels

    _announced(summarise_labels(Workdir(Path(workdir))))
    return _announced(collect(Workdir(Path(workdir))))


@job
def train_job(workdir: str, after: dict[str, Any]) -> dict[str, Any]:
    """Train the campaign's variant and judge it on the held-out split."""
    from workflows.stages.train import train

    return _announced(train(Workdir(Path(workdir))))


@job
def report_job(workdir: str, after: dict[str, Any]) -> dict[str, Any]:
    """Write the report."""
    from workflows.stages.report import report

    return _announced(report(Workdir(Path(workdir))))


def _announced(summary: object) -> dict[str, Any]:
    announce(f"✓ {summary}")
    return {"summary": str(summary)}


def pipeline_flow(workdir: Workdir) -> Flow:
    """Return the flow of a whole campaign.

    The five stage jobs run each time the flow runs, since each of them finds out by itself what
    is left to do; the label jobs they lead to are skipped when finished.
    """
    root = str(workdir.root.resolve())
    generated = generate_job(root)
    labelled = label_job(root, generated.output)
    collected = collect_job(root, labelled.output)
    trained = train_job(root, collected.output)
    reported = report_job(root, trained.output)
    jobs = [generated, labelled, collected, trained, reported]
    campaign_hash = workdir.campaign().campaign_hash
    for stage, stage_job in zip(STAGES, jobs, strict=True):
        stage_job.name = stage
        stage_job.set_uuid(stable_uuid("stage", stage, campaign_hash))
        stage_job.update_metadata({"always_run": True, "stage": stage}, dynamic=False)
    return Flow(jobs, name=workdir.campaign().name)


class PipelineProgress:
    """Announces each stage, and shows the label jobs between two stages on a bar."""

    def __init__(self, workdir: Workdir) -> None:
        self._workdir = workdir
        self._open_bar = ExitStack()
        self._label: LabelProgress | None = None

    def on_flow(self, n_jobs: int) -> None:
        """Ignore: the stages are known, and the plan knows the label jobs."""

    def on_start(self, job: Job) -> None:
        """Announce a stage, or show a label job."""
        if "stage" in job.metadata:
            self.close()
            announce(f"● {job.metadata['stage']}")
        else:
            self._labels().on_start(job)

    def on_finish(self, job: Job, seconds: float) -> None:
        """Advance."""
        if "stage" not in job.metadata:
            self._labels().on_finish(job, seconds)

    def on_skip(self, job: Job) -> None:
        """Advance."""
        self._labels().on_skip(job)

    def on_fail(self, job: Job, error: BaseException) -> None:
        """Advance past a label job; a failed stage is reported at the end."""
        if "stage" not in job.metadata:
            self._labels().on_fail(job, error)

    def close(self) -> None:
        """Close the bar of the label jobs."""
        self._open_bar.close()
        self._label = None

    def _labels(self) -> LabelProgress:
        if self._label is None:
            _, runs = planned_runs(self._workdir)
            bar = self._open_bar.enter_context(progress_bar("label", total=n_label_jobs(runs)))
            self._label = LabelProgress(bar)
        return self._label


def run_pipeline(workdir: Workdir) -> str:
    """Run the whole campaign on this machine and return what to say about it.

    Raises
    ------
    CuprolithError
        If a stage failed, with its message; the stages before it are kept. Failed label jobs do
        not stop the campaign: they are listed in ``labels.json`` and the report.
    """
    progress = PipelineProgress(workdir)
    try:
        summary = run_flow(
            pipeline_flow(workdir),
            job_store(workdir.label_store),
            observer=progress,
            log_path=workdir.label_log,
            root_dir=workdir.runs,
        )
    finally:
        progress.close()
    for failure in summary.failures:
        if "stage" in failure.metadata:
            where = f"{workdir.campaign_yaml}: stage {failure.name}"
            error = CuprolithError(failure.error, where=where)
            error.add_note(failure.traceback)
            raise error
    return f"campaign {workdir.campaign().name} finished in {summary.seconds:.0f} s"
