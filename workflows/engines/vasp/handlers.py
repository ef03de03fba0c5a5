"""Custodian's handlers for each task, and what they changed.

A handler that changes what a label is (smearing, cutoff, mesh) is not used: labels of 11,000 runs
must be of one kind; docs/how_to/vasp.md has the table. The others may change how VASP
reaches the label.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from custodian.custodian import ErrorHandler, Validator
from custodian.utils import backup
from custodian.vasp.handlers import (
    VASP_BACKUP_FILES,
    FrozenJobErrorHandler,
    NonConvergingErrorHandler,
    PositiveEnergyErrorHandler,
    PotimErrorHandler,
    StdErrHandler,
    UnconvergedErrorHandler,
    VaspErrorHandler,
    WalltimeHandler,
    is_valid_poscar,
)
from custodian.vasp.interpreter import VaspModder
from custodian.vasp.io import load_vasprun

from cuprolith.errors import CuprolithError
from workflows.engines.vasp.settings import VaspSettings
from workflows.engines.vasp.vasprun import read_run

# Their cures change smearing, mesh or projectors; or they are met only with tetrahedra, symmetry
# or generated meshes, which no campaign uses.
_NOT_CAUGHT = {
    "algo_tet",
    "auto_nbands",
    "bravais",
    "dentet",
    "hnform",
    "ibzkpt",
    "ksymm",
    "nicht_konv",
    "point_group",
    "posmap",
    "pricel",
    "pricelv",
    "real_optlay",
    "rhosyg",
    "rot_matrix",
    "rspher",
    "symprec_noise",
    "tet",
    "tetirr",
    "zbrent",  # has a handler of its own
}
# Their cures change POTIM, which in MD is the time step.
_NOT_CAUGHT_IN_MD = {"brions", "zpotrf"}


class LineMinimisationHandler(ErrorHandler):
    """Continues from CONTCAR when conjugate gradients lose their bracket (ZBRENT).

    custodian's own cure also tightens EDIFF, which makes labels of another kind. Here the search
    starts again, then NELMIN makes forces less noisy, then the quasi-Newton optimiser takes over.
    """

    is_monitor = True
    _cures: ClassVar[tuple[dict[str, Any], ...]] = ({}, {"NELMIN": 8}, {"IBRION": 1, "POTIM": 0.3})

    def __init__(self, output_filename: str = "vasp.out") -> None:
        self.output_filename = output_filename

    def check(self, directory: str = "./") -> bool:
        """Whether VASP says so."""
        try:
            text = (Path(directory) / self.output_filename).read_text(errors="replace")
        except OSError:
            return False
        return any(message in text for message in VaspErrorHandler.error_msgs["zbrent"])

    def correct(self, directory: str = "./") -> dict[str, Any]:
        """Take the next cure; none is left after the third."""
        used = self.n_applied_corrections
        if used >= len(self._cures):
            return {"errors": ["zbrent"], "actions": None}
        backup(VASP_BACKUP_FILES, directory=directory)
        actions: list[dict[str, Any]] = []
        if is_valid_poscar("CONTCAR", directory):
            actions.append({"file": "CONTCAR", "action": {"_file_copy": {"dest": "POSCAR"}}})
        if self._cures[used]:
            actions.append({"dict": "INCAR", "action": {"_set": dict(self._cures[used])}})
        VaspModder(directory=directory).apply_actions(actions)
        return {"errors": ["zbrent"], "actions": actions or [{"dict": "INCAR", "action": {}}]}


class SegmentErrorHandler(VaspErrorHandler):
    """custodian's, for MD: the cure is applied, and the segment runs again from its own start.

    Some of custodian's cures continue from CONTCAR: the whole segment, at the temperatures of its
    beginning.
    """

    def correct(self, directory: str = "./") -> dict[str, Any]:
        """Apply custodian's cure but keep POSCAR."""
        poscar = Path(directory) / "POSCAR"
        start = poscar.read_text()
        result: dict[str, Any] = super().correct(directory)
        poscar.write_text(start)
        actions = result["actions"] or []
        result["actions"] = [each for each in actions if each.get("file") != "CONTCAR"] or None
        return result


class FrozenSegmentHandler(FrozenJobErrorHandler):
    """Ends a frozen MD segment; the maker continues from its last step, at the right temperature.

    custodian's own cure would run the whole segment once more from CONTCAR.
    """

    def correct(self, directory: str = "./") -> dict[str, Any]:
        """Leave the cure to the maker."""
        return {"errors": ["Frozen job"], "actions": None}


class ElectronicUnconvergedHandler(UnconvergedErrorHandler):
    """custodian's, for the electronic loop only.

    Its cure for a relaxation at its last step is to continue with another optimiser and without
    end. A campaign has a limit of steps; the frames up to there are labels.
    """

    def check(self, directory: str = "./") -> bool:
        """Whether the last electronic loop hit NELM."""
        try:
            vasprun = load_vasprun(str(Path(directory) / self.output_filename))
        except Exception:  # noqa: BLE001  # pymatgen fails in many ways on what is not complete
            return False
        return not vasprun.converged_electronic


class CompleteRunValidator(Validator):
    """Checks that VASP wrote its last line, reading step by step (MD files have gigabytes)."""

    def check(self, directory: str = "./") -> bool:
        """Whether the output ends before its end, or holds no step."""
        try:
            run = read_run(Path(directory))
            for _ in run.steps:
                pass
        except (CuprolithError, OSError):
            return True
        return not run.complete


def handlers_for(task: str, settings: VaspSettings) -> list[ErrorHandler]:
    """Return the handlers of a task.

    Parameters
    ----------
    task
        ``relax``, ``static`` or ``melt_quench``.
    """
    moving = task == "melt_quench"
    not_caught = _NOT_CAUGHT | _NOT_CAUGHT_IN_MD if moving else _NOT_CAUGHT
    caught = sorted(set(VaspErrorHandler.error_msgs) - not_caught)
    master = SegmentErrorHandler if moving else VaspErrorHandler
    frozen = FrozenSegmentHandler if moving else FrozenJobErrorHandler
    handlers: list[ErrorHandler] = [
        master(errors_subset_to_catch=caught),
        StdErrHandler(),
        frozen(timeout=settings.frozen_after),
    ]
    if not moving:
        handlers += [PositiveEnergyErrorHandler(), ElectronicUnconvergedHandler()]
    if task == "relax":
        handlers += [LineMinimisationHandler(), PotimErrorHandler(), NonConvergingErrorHandler()]
    seconds = settings.seconds_of_job
    if seconds is not None:
        handlers.append(WalltimeHandler(wall_time=seconds, buffer_time=min(300, seconds // 10)))
    return handlers


def corrections(directory: Path) -> list[str]:
    """Return what custodian did, e.g. ``"VaspErrorHandler: zbrent → INCAR IBRION=1"``.

    Parameters
    ----------
    directory
        Folder of the run; without a readable ``custodian.json`` nothing was done.
    """
    try:
        jobs = json.loads((directory / "custodian.json").read_text())
    except (OSError, ValueError):
        return []
    return [_described(correction) for job in jobs for correction in job.get("corrections", [])]


def reached_wall_time(directory: Path) -> bool:
    """Whether VASP was stopped because its wall time was nearly over."""
    return any(line.startswith("WalltimeHandler") for line in corrections(directory))


def _described(correction: dict[str, Any]) -> str:
    handler = correction.get("handler") or {}
    errors = ", ".join(map(str, correction.get("errors") or []))
    actions = "; ".join(map(_action, correction.get("actions") or []))
    return f"{handler.get('@class', 'custodian')}: {errors}" + (f" → {actions}" if actions else "")


def _action(action: dict[str, Any]) -> str:
    what = str(action.get("dict") or action.get("file") or "")
    change = action.get("action") or {}
    tags = {
        tag: value
        for each in change.values()
        if isinstance(each, dict)
        for tag, value in each.items()
    }
    shown = " ".join(f"{tag}={value}" for tag, value in tags.items() if not isinstance(value, dict))
    return f"{what} {shown}".strip()
