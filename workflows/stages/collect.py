"""Stage *collect*: stored labels into ``dataset/``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from jobflow import JobStore

from cuprolith.errors import CuprolithError
from training.dataset.builder import DatasetCard, build_dataset
from training.dataset.frames import Frame
from workflows.jobs.run_records import RunRecords
from workflows.labelling.document import frames_of
from workflows.labelling.label_runs import LabelRun
from workflows.progress import progress_bar
from workflows.stages.label import planned_runs
from workflows.store.sqlite_store import job_store
from workflows.workdir import Workdir

_INDEX = 1  # of every label job


@dataclass(frozen=True)
class CollectSummary:
    """The dataset that was made."""

    card: DatasetCard

    def __str__(self) -> str:
        """Say how many frames, and what was left out."""
        frames = self.card.frames
        splits = ", ".join(f"{part.frames} {name}" for name, part in self.card.splits.items())
        lines = [
            f"{frames.kept} frames ({splits}); of {frames.seen} seen {frames.thinned} thinned, "
            f"{frames.near_duplicates} near-duplicates, {frames.quarantined} quarantined",
            *(f"warning: {warning}" for warning in self.card.warnings),
        ]
        return "\n  ".join(lines)


def collect(workdir: Workdir) -> CollectSummary:
    """Build the dataset from every finished run; one trajectory is in memory at a time.

    Raises
    ------
    CuprolithError
        If nothing is labelled yet, or the labels cannot make a dataset.
    """
    started = time.perf_counter()
    workdir.require(workdir.label_store, "label")
    campaign = workdir.campaign()
    _, runs = planned_runs(workdir)
    with (
        job_store(workdir.label_store) as store,
        closing(RunRecords(store)) as records,
        progress_bar("collect", total=len(runs)) as bar,
    ):

        def trajectories() -> Iterator[Iterator[Frame]]:
            for run in runs:
                _require_whole(records, run, workdir)
                yield _frames(store, run)
                bar.advance(1, run.record.structure_id)

        try:
            card = build_dataset(trajectories(), campaign.dataset, workdir.dataset, campaign.seed)
        except ValueError as error:  # a DatasetError, or too few structures to split
            raise CuprolithError(str(error), where=str(workdir.dataset)) from error
    workdir.record_seconds("collect", time.perf_counter() - started)
    return CollectSummary(card)


def _require_whole(records: RunRecords, run: LabelRun, workdir: Workdir) -> None:
    """Refuse to leave out a label that is there but damaged."""
    for uuid in run.job_uuids:
        if records.damaged(uuid, _INDEX):
            raise CuprolithError(
                f"the label of {run.task} {run.record.structure_id} is damaged",
                where=records.path,
                remedy=f"run `cuprolith label --workdir {workdir.root}` first: it computes this "
                "one again and keeps all others",
            )


def _frames(store: JobStore, run: LabelRun) -> Iterator[Frame]:
    """Yield the frames of a run up to its first job that is not finished."""
    for uuid in run.job_uuids:
        document = store.query_one({"uuid": uuid}, load=True)
        if document is None:
            return
        yield from frames_of(document["output"])
