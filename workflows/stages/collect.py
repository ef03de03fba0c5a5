"""Stage *collect*: build ``dataset/`` from the labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from cuprolith.progress import progress_bar
from cuprolith.words import plural
from workflows.labelling.labelled_frames import labelled_frames
from workflows.stage import Stage
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from training.dataset.builder import DatasetCard
    from training.dataset.frames import Frame
    from workflows.labelling.label_plan import LabelPlan
    from workflows.labelling.label_runs import LabelRun
    from workflows.labelling.label_summary import LabelSummary


@dataclass(frozen=True)
class CollectSummary:
    """The labels, and the dataset that was made from them."""

    labels: LabelSummary
    card: DatasetCard

    def __str__(self) -> str:
        """Numbers of frames used and left out."""
        frames = self.card.frames
        splits = ", ".join(f"{part.frames} {name}" for name, part in self.card.splits.items())
        lines = [
            f"{plural(frames.kept, 'frame')} ({splits}); of {frames.seen} seen "
            f"{frames.thinned} thinned, "
            f"{frames.near_duplicates} near-duplicates, {frames.quarantined} quarantined",
            *(f"warning: {warning}" for warning in self.card.warnings),
        ]
        if self.labels.finished < self.labels.runs:
            lines.append(f"labels: {self.labels}")
        return "\n  ".join(lines)


def collect(workdir: Workdir) -> CollectSummary:
    """Summarise the labels and build the dataset; one trajectory is in memory at a time.

    Raises
    ------
    CuprolithError
        If nothing is labelled yet, a label is damaged, or the labels cannot make a dataset.
    """
    from training.dataset.builder import build_dataset
    from workflows.labelling.label_plan import LabelPlan, label_folder
    from workflows.labelling.label_summary import summarise_labels

    started = time.perf_counter()
    label_folder(workdir)  # refuses what an earlier version has labelled
    workdir.require(workdir.label_results, "label")
    plan = LabelPlan.of(workdir)
    labels = summarise_labels(workdir, plan)
    appended, checks = _appended(plan)
    with progress_bar("collect", total=len(plan.runs)) as bar:
        try:
            card = build_dataset(
                chain(
                    _trajectories(
                        plan, workdir, lambda run: bar.advance(1, run.record.structure_id)
                    ),
                    appended,
                ),
                plan.campaign.dataset,
                workdir.dataset,
                plan.campaign.seed,
                label_checks=checks,
            )
        except ValueError as error:  # a DatasetError, or too few structures to split
            raise CuprolithError(str(error), where=str(workdir.dataset)) from error
    workdir.record_seconds("collect", time.perf_counter() - started)
    return CollectSummary(labels, card)


def _appended(plan: LabelPlan) -> tuple[list[Sequence[Frame]], dict[str, str]]:
    """Return the frames of files that the campaign appends, and how their units fared."""
    from training.errors import TrainingError
    from training.sources.extxyz.collecting import checked_trajectories

    trajectories: list[Sequence[Frame]] = []
    checks: dict[str, str] = {}
    for i, file in enumerate(plan.campaign.append):
        try:
            found, by_test = checked_trajectories(file.path, file.labels)
        except TrainingError as error:
            raise CuprolithError(str(error), key=f"append.{i}") from error
        trajectories += found
        checks |= {f"{file.path.name}: {test}": text for test, text in by_test.items()}
    return trajectories, checks


def _trajectories(
    plan: LabelPlan, workdir: Workdir, after: Callable[[LabelRun], None]
) -> Iterator[Iterator[Frame]]:
    for run in plan.runs:
        yield labelled_frames(plan, run, workdir)
        after(run)


def _with_outputs(command: Callable[..., None]) -> Callable[..., None]:
    from workflows.stage_commands.collect import with_outputs

    return with_outputs(command)


STAGE = Stage(
    name="collect",
    follows="label",
    run=collect,
    output=lambda workdir, _: workdir.dataset_card,
    help="Turn labels into dataset/: thinned, checked, split by trajectory and parent. With --from "
    "and --out, any tree of VASP outputs.",
    after_failures=True,
    extend=_with_outputs,
)
