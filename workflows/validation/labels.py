"""The labels of a campaign as a source: relaxations and melt-quenches that exist already."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase import Atoms
from pymatgen.core import Structure

from analysis.validation.material import JudgedStructure
from analysis.validation.source import NotAvailableError, Relaxed, Source
from analysis.validation.trajectory import Trajectory
from cuprolith.arrays import FloatArray
from cuprolith.errors import CuprolithError
from cuprolith.hashes import short_hash
from workflows.engine_settings import MeltQuenchSettings
from workflows.jobs.job_folder import DamagedFileError
from workflows.labelling.document import LabelDocument
from workflows.labelling.label_plan import LabelPlan
from workflows.labelling.label_runs import LabelRun

LABELS = "labels"
_MOST_FRAMES = 2000


class LabelSource(Source):
    """Results of the runs that have labelled a workdir's structures.

    Documents are read when they are asked for, one at a time.
    """

    def __init__(self, plan: LabelPlan) -> None:
        self._plan = plan
        self._first: dict[str, LabelRun] = {}
        self._melts: dict[str, LabelRun] = {}
        for run in plan.runs:
            runs = self._melts if run.task == "melt_quench" else self._first
            runs[run.record.structure_id] = run
        super().__init__(LABELS, identity=self._identity(), computes=False)

    def relaxed(self, structure: JudgedStructure) -> Relaxed:
        """Return the end of a structure's relaxation, or its static label."""
        return self.once(f"relaxed {structure.structure_id}", lambda: self._relaxed(structure))

    def melt_quench(self, structure: JudgedStructure) -> Trajectory:
        """Return the melt-quench of a structure, with at most about 2000 of its frames."""
        run = self._melts.get(structure.structure_id)
        settings = self._plan.campaign.engine.melt_quench
        if run is None or settings is None:
            raise NotAvailableError(f"no melt-quench of {structure.structure_id} was asked for")
        documents = (self._document(run, uuid, large=True) for uuid in run.job_uuids)
        return _trajectory(documents, settings)

    def start(self, structure: JudgedStructure) -> Atoms:
        """Return what the relaxation of a structure starts from: its relaxed slabs, if any.

        Where these were not relaxed, it is the structure as it was generated.
        """
        run = self._first.get(structure.structure_id)
        if run is None or not run.parents:
            return structure.atoms.copy()
        try:
            built = self._plan.folder.output(run.start_uuid)["structure"]
        except (KeyError, DamagedFileError):
            built = None
        return structure.atoms.copy() if built is None else _moved(structure, built)

    def _relaxed(self, structure: JudgedStructure) -> Relaxed:
        run = self._first.get(structure.structure_id)
        if run is None:
            raise NotAvailableError(f"{structure.structure_id} is not among the labels")
        document = self._document(run, run.job_uuids[0], large=False)
        if document.stopped_because:
            raise NotAvailableError(
                f"the label of {structure.structure_id} ended early: {document.stopped_because}"
            )
        return Relaxed(
            energy=document.energy_last,
            atoms=_moved(structure, document.structure),
            converged=document.ionic_converged is not False,
        )

    def _document(self, run: LabelRun, uuid: str, *, large: bool) -> LabelDocument:
        what = f"{run.task} of {run.record.structure_id}"
        folder = self._plan.folder
        try:
            if large:
                return LabelDocument.from_dict(folder.output(uuid))
            result = folder.result(folder.newest(uuid))
        except KeyError:
            result = None
        except (DamagedFileError, CuprolithError) as error:
            raise NotAvailableError(
                f"the label of the {what} is damaged: {error.message}"
            ) from None
        if result is None:
            raise NotAvailableError(f"the {what} is not labelled")
        return LabelDocument.from_dict({**result.document["output"], "trajectory": None})

    def _identity(self) -> str:
        """Hash of all runs and of how much of each is finished."""
        folder = self._plan.folder
        lines = []
        for run in self._plan.runs:
            paths = (folder.path_of_result(folder.newest(uuid)) for uuid in run.job_uuids)
            lines.append(f"{run.run_id} {sum(path.exists() for path in paths)}")
        return short_hash("\n".join(lines))


def kept_every(n_steps: int) -> int:
    """Return of how many steps of a melt-quench one is kept, so that the memory is bounded."""
    return max(1, -(-n_steps // _MOST_FRAMES))


def _trajectory(documents: Iterator[LabelDocument], settings: MeltQuenchSettings) -> Trajectory:
    """Join the segments of a run; positions that an engine has wrapped are unwrapped."""
    stride = kept_every(settings.n_steps)
    positions: list[FloatArray] = []
    energies: list[float] = []
    temperatures: list[float] = []
    numbers, cell, last = np.empty(0, dtype=np.int64), np.eye(3), None
    step, stopped = 0, ""
    for document in documents:
        frames = document.trajectory
        assert frames is not None  # read with its large data
        numbers, cell = np.array(frames.numbers, dtype=np.int64), np.array(frames.cell, dtype=float)
        connected = unwrapped(np.array(frames.positions, dtype=float), cell, last)
        last = connected[-1]
        known = document.temperatures or [np.nan] * len(connected)
        for index, frame in enumerate(connected):
            if step % stride == 0:
                positions.append(frame)
                energies.append(frames.energies[index])
                temperatures.append(known[index] if index < len(known) else np.nan)
            step += 1
        stopped = document.stopped_because
        if stopped:
            break
    return Trajectory(
        numbers=numbers,
        cell=cell,
        positions=np.array(positions),
        energies=np.array(energies),
        temperatures=np.array(temperatures),
        time_step=settings.time_step * stride,
        stopped_because=stopped,
    )


def unwrapped(positions: FloatArray, cell: FloatArray, last: FloatArray | None) -> FloatArray:
    """Remove the jumps by lattice vectors that wrapping into the cell makes.

    Parameters
    ----------
    positions
        Of consecutive frames, shape (n_frames, n_atoms, 3), Å. Between two frames an atom moves by
        less than half a cell.
    cell
        Lattice vectors, shape (3, 3), Å.
    last
        Unwrapped positions of the frame before, shape (n_atoms, 3); None at the start.
    """
    start = positions[:1] if last is None else last[None]
    steps = np.diff(np.concatenate([start, positions]), axis=0) @ np.linalg.inv(cell)
    steps -= np.rint(steps)
    return np.asarray(start + np.cumsum(steps @ cell, axis=0))


def _moved(structure: JudgedStructure, stored: dict[str, object]) -> Atoms:
    """Return the atoms of a structure at the positions of a stored one; constraints stay."""
    atoms = structure.atoms.copy()
    atoms.positions = Structure.from_dict(stored).cart_coords
    return atoms
