"""A label job that does nothing but bring its structure and take a label home."""

from jobflow import Job, job
from pymatgen.core import Lattice, Structure

from workflows.jobs.job_ids import stable_uuid
from workflows.labelling.label_metadata import N_ATOMS, RUNS_ON, TASK


@job
def trivial_label(structure: Structure) -> dict[str, object]:
    return {"energy": -3.7 * len(structure), "forces": [[0.0, 0.0, 0.0] for _ in structure]}


def trivial_labels(n_jobs: int) -> list[Job]:
    """Jobs of a copper atom each, strained differently."""
    return [_trivial_label(number, n_jobs) for number in range(n_jobs)]


def _trivial_label(number: int, n_jobs: int) -> Job:
    cell = Lattice.cubic(3.575 * (1 + number / n_jobs / 10))
    made = trivial_label(Structure(cell, ["Cu"], [[0, 0, 0]]))
    made.name = f"trivial-{number}"
    made.set_uuid(stable_uuid("queue overhead", str(number)))
    known = {RUNS_ON: "mpi", TASK: "relax", N_ATOMS: 1}
    made.update_metadata(known, dynamic=False)
    return made
