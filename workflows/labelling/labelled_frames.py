"""Frames of labels that a campaign has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError

if TYPE_CHECKING:
    from training.dataset.frames import Frame
    from workflows.labelling.label_plan import LabelPlan
    from workflows.labelling.label_runs import LabelRun
    from workflows.workdir import Workdir


def labelled_frames(plan: LabelPlan, run: LabelRun, workdir: Workdir) -> Iterator[Frame]:
    """Yield the frames of a run up to its first job that is not finished.

    Raises
    ------
    CuprolithError
        If a label is damaged: it is not left out silently.
    """
    from workflows.jobs.job_folder import DamagedFileError
    from workflows.labelling.document import frames_of

    for uuid in run.job_uuids:
        try:
            output = plan.folder.output(uuid)
        except KeyError:
            return
        except DamagedFileError as error:
            raise CuprolithError(
                f"the label of {run.task} {run.record.structure_id} is damaged",
                where=error.where,
                remedy=f"run `cuprolith label --workdir {workdir.root}` (or `cuprolith submit` "
                "for a campaign in a queue) first: it computes this one again and keeps all others",
            ) from error
        yield from frames_of(output)
