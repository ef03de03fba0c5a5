"""The jobs that label in a workdir, made once per command: the engine, the runs and their flows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jobflow import Flow

from cuprolith.errors import CuprolithError
from workflows.engine import Engine, make_engine
from workflows.inputs.campaign import Campaign
from workflows.jobs.job_folder import JobFolder
from workflows.labelling.fitting_structures import labelled_by
from workflows.labelling.label_runs import LabelRun, label_runs, structure_flows
from workflows.structures.structure_files import iter_structures, require_structures
from workflows.workdir import Workdir

_LAST_WITH_SQLITE = "Cuprolith 0.1.0 of 30 November 2026 (git commit 26bcf2e)"


@dataclass(frozen=True)
class LabelPlan:
    """The engine and the runs of a campaign's structures, and the folder of their jobs."""

    campaign: Campaign
    engine: Engine
    runs: list[LabelRun]
    folder: JobFolder

    @classmethod
    def of(cls, workdir: Workdir) -> LabelPlan:
        """Plan the runs of a workdir's structures.

        Raises
        ------
        CuprolithError
            If there are no structures, or an earlier version has labelled here.
        """
        folder = label_folder(workdir)
        campaign = workdir.campaign()
        structures = workdir.require(workdir.structures_xyz, "generate")
        require_structures(structures, workdir.structures_json)
        engine = make_engine(campaign.engine)
        records = labelled_by(campaign.engine, iter_structures(structures))
        runs = list(label_runs(records, campaign.engine, engine, campaign.seed))
        return cls(campaign, engine, runs, folder)

    @property
    def n_jobs(self) -> int:
        """Jobs of all runs, segments included."""
        return sum(run.n_jobs for run in self.runs)

    def flows(self) -> Iterator[Flow]:
        """Yield one flow per structure, each after those of the slabs that it is built from."""
        return structure_flows(self.runs, self.engine, self.campaign.seed)


def label_folder(workdir: Workdir) -> JobFolder:
    """Return the folder of a workdir's jobs that label, at home and in a queue.

    Raises
    ------
    CuprolithError
        If it holds what an earlier version has labelled.
    """
    for path in (workdir.labels / "labels.sqlite", workdir.root / "queue" / "label"):
        if path.exists():
            raise CuprolithError(
                "labels of an earlier version, which this one does not read",
                where=str(path),
                remedy=f"use {_LAST_WITH_SQLITE} for this workdir, or name another --workdir",
            )
    return JobFolder(workdir.labels, workdir.runs)
