"""The whole campaign as one jobflow flow: generate, label, collect, train, tune, report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from jobflow import Flow, Job, Response, job

from cuprolith.errors import CuprolithError
from workflows.jobs.job_ids import stable_uuid
from workflows.jobs.observer import Observer
from workflows.jobs.runner import run_flow
from workflows.progress import announce, progress_bar
from workflows.stages.label import LabelProgress, n_label_jobs, planned_runs
from workflows.store.sqlite_store import job_store
from workflows.workdir import Workdir


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
def tune_job(workdir: str, after: dict[str, Any]) -> dict[str, Any]:
    """Run the campaign's study."""
    from workflows.stages.tune import tune

    return _announced(tune(Workdir(Path(workdir))))


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

    The stage jobs run each time the flow runs, since each of them finds out by itself what is left
    to do; the label jobs they lead to are skipped when finished.
    """
    root = str(workdir.root.resolve())
    stages = {"generate": generate_job(root)}
    stages["label"] = label_job(root, stages["generate"].output)
    stages["collect"] = collect_job(root, stages["label"].output)
    stages["train"] = last = train_job(root, stages["collect"].output)
    if workdir.campaign().tuning is not None:
        stages["tune"] = last = tune_job(root, last.output)
    stages["report"] = report_job(root, last.output)
    campaign_hash = workdir.campaign().campaign_hash
    for stage, stage_job in stages.items():
        stage_job.name = stage
        stage_job.set_uuid(stable_uuid("stage", stage, campaign_hash))
        stage_job.update_metadata({"always_run": True, "stage": stage}, dynamic=False)
    return Flow(list(stages.values()), name=workdir.campaign().name)


class PipelineProgress:
    """Announces each stage, and shows the jobs between two stages on a bar."""

    def __init__(self, workdir: Workdir) -> None:
        self.error: BaseException | None = None
        self._workdir = workdir
        self._open_bar = ExitStack()
        self._between: Observer | None = None

    def on_flow(self, n_jobs: int) -> None:
        """Ignore: the stages are known, and the plan knows the jobs between them."""

    def on_start(self, job: Job) -> None:
        """Announce a stage, or show another job."""
        if "stage" in job.metadata:
            self.close()
            announce(f"● {job.metadata['stage']}")
        else:
            self._bar_of().on_start(job)

    def on_finish(self, job: Job, seconds: float) -> None:
        """Advance."""
        if "stage" not in job.metadata:
            self._bar_of().on_finish(job, seconds)

    def on_skip(self, job: Job) -> None:
        """Advance."""
        self._bar_of().on_skip(job)

    def on_fail(self, job: Job, error: BaseException) -> None:
        """Say so, or keep the error that ends the campaign: of a stage."""
        if "stage" in job.metadata:
            if isinstance(error, CuprolithError) and not (error.where or error.key):
                error.where = f"{self._workdir.campaign_yaml}: stage {job.name}"
            self.error = self.error or error
        else:
            self._bar_of().on_fail(job, error)

    def close(self) -> None:
        """Close the bar."""
        self._open_bar.close()
        self._between = None

    def _bar_of(self) -> Observer:
        """Return what shows the label jobs."""
        if self._between is None:
            self._between = self._open_bar.enter_context(self._labels())
        return self._between

    @contextmanager
    def _labels(self) -> Iterator[Observer]:
        _, runs = planned_runs(self._workdir)
        with progress_bar("label", total=n_label_jobs(runs)) as bar:
            yield LabelProgress(bar)


def run_pipeline(workdir: Workdir) -> str:
    """Run the whole campaign on this machine and return what to say about it.

    Raises
    ------
    Exception
        The error of a stage that failed; what came before is kept. Failed
        label jobs do not stop the campaign: they are listed in ``labels.json`` and the report; nor
        do trainings that fail in a study.
    """
    progress = PipelineProgress(workdir)
    try:
        with job_store(workdir.label_store) as store:
            summary = run_flow(
                pipeline_flow(workdir),
                store,
                observer=progress,
                log_path=workdir.label_log,
                root_dir=workdir.runs,
            )
    finally:
        progress.close()
    if progress.error is not None:
        raise progress.error
    return f"campaign {workdir.campaign().name} finished in {summary.seconds:.0f} s"
