"""Faults that a rehearsal plays on request, so that the recovery can be rehearsed too."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from cuprolith.errors import CuprolithError

FaultName = Literal[
    "scf_not_converging",
    "zbrent",
    "edddav",
    "frozen",
    "walltime_kill",
    "truncated_vasprun",
    "full_disk",
    "nan_forces",
    "slow",
]

FAULT_FILE = "rehearsal_faults.json"
FAULT_VARIABLE = "CUPROLITH_REHEARSAL_FAULTS"
COUNTER_FILE = "rehearsal_faults.count"


@dataclass(frozen=True)
class Fault:
    """A fault and when to play it.

    Attributes
    ----------
    at_step
        Ionic step (from 1) that it strikes.
    times
        Number of runs that it strikes; later runs with the same counter behave.
    n_steps
        Number of ionic steps that ``scf_not_converging`` lasts; None for all that follow.
    seconds
        How much longer each step takes when it is ``slow``, from `at_step` on.
    counter
        File that counts the runs struck so far.
    """

    name: FaultName
    at_step: int
    times: int
    n_steps: int | None
    seconds: float
    counter: Path

    def strikes(self, name: FaultName, step: int) -> bool:
        """Return whether this is the named fault and `step` is its step."""
        return self.name == name and step == self.at_step

    def spoils_scf(self, step: int) -> bool:
        """Return whether the SCF of `step` does not converge."""
        if self.name != "scf_not_converging" or step < self.at_step:
            return False
        return self.n_steps is None or step < self.at_step + self.n_steps


def pending_fault(directory: Path) -> Fault | None:
    """Return the fault this run is to play, and count it as played.

    The file ``rehearsal_faults.json`` in the run's directory comes before the environment
    variable ``CUPROLITH_REHEARSAL_FAULTS``; both hold
    ``{"fault": name, "at_step": 1, "times": 1, "n_steps": null, "seconds": 1,
    "counter": path}``.

    Raises
    ------
    CuprolithError
        If the request is not understood.
    """
    fault = _requested(directory)
    if fault is None:
        return None
    played = int(fault.counter.read_text()) if fault.counter.is_file() else 0
    if played >= fault.times:
        return None
    fault.counter.write_text(f"{played + 1}\n")
    return fault


def _requested(directory: Path) -> Fault | None:
    path = directory / FAULT_FILE
    if path.is_file():
        return _parse(path.read_text(encoding="utf-8"), str(path), directory)
    if text := os.environ.get(FAULT_VARIABLE):
        return _parse(text, FAULT_VARIABLE, directory)
    return None


def _parse(text: str, where: str, directory: Path) -> Fault:
    remedy = f'write {{"fault": name}} with one of {", ".join(get_args(FaultName))}'
    try:
        request: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise CuprolithError(f"not JSON: {error}", where=where, remedy=remedy) from error
    known = {"fault", "at_step", "times", "n_steps", "seconds", "counter"}
    if not isinstance(request, dict) or set(request) - known:
        raise CuprolithError("not a request for a fault", where=where, remedy=remedy)
    name = request.get("fault")
    if name not in get_args(FaultName):
        raise CuprolithError(f"unknown fault {name!r}", where=where, key="fault", remedy=remedy)
    return Fault(
        name=cast("FaultName", name),
        at_step=int(request.get("at_step", 1)),
        times=int(request.get("times", 1)),
        n_steps=request.get("n_steps"),
        seconds=float(request.get("seconds", 1.0)),
        counter=Path(request.get("counter", directory / COUNTER_FILE)),
    )
