"""A melt-quench as a chain of jobs, whatever engine runs its segments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobflow import Maker, Response, job
from pymatgen.core import Structure

from workflows.engine_settings import MeltQuenchSettings
from workflows.jobs.job_ids import stable_uuid
from workflows.labelling.document import LabelDocument, Provenance


@dataclass
class SegmentedMeltQuenchMaker(Maker):
    """NVT melt-quench in segments: each job runs one segment and adds the next.

    All atoms move. The state that a segment ends in is handed to the next, so that the segments
    make one continuous trajectory (Laskaris 2026, section III.B).
    """

    name: str = "melt-quench"
    settings: MeltQuenchSettings = field(default_factory=MeltQuenchSettings)

    @job(data="trajectory")
    def make(
        self,
        structure: Structure,
        provenance: Provenance,
        run_id: str,
        seed: int,
        segment: int = 0,
        state: dict[str, Any] | None = None,
    ) -> Response:
        """Run one segment.

        Parameters
        ----------
        structure
            Start of the whole run.
        run_id
            Identity of the run; segment k has the job uuid ``stable_uuid(run_id, k)``.
        seed
            Seed of the initial velocities.
        segment
            Index of this segment.
        state
            State the previous segment ended in; None for the first.
        """
        document, state = self.label(structure, provenance, seed, segment, state)
        following = None
        if segment + 1 < self.settings.n_segments and not document.stopped_because:
            following = self.make(structure, provenance, run_id, seed, segment + 1, state)
            following.name = f"{self.settings.label} {provenance.structure_id} {segment + 2}"
            following.set_uuid(stable_uuid(run_id, str(segment + 1)))
        return Response(output=document.as_dict(), detour=following)

    def label(
        self,
        structure: Structure,
        provenance: Provenance,
        seed: int,
        segment: int,
        state: dict[str, Any] | None,
    ) -> tuple[LabelDocument, dict[str, Any]]:
        """Do the work of :meth:`make` outside a job; return the document and the end state."""
        raise NotImplementedError
