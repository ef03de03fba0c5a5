"""One VASP run, from vasprun.xml or else OUTCAR."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from workflows.engines.vasp.ionic_steps import IonicStep, VaspOutputError, VaspRun
from workflows.engines.vasp.outcar import read_outcar
from workflows.engines.vasp.output_streams import ENDINGS, OUTPUTS
from workflows.engines.vasp.vasprun_xml import read_vasprun_xml

_SAME_ENERGY = 1e-6  # eV; both files have 8 decimals


def read_run(directory: Path, suffix: str = "", part: int = 0) -> VaspRun:
    """Open the run in a directory; its steps are read as they are asked for.

    ``vasprun.xml`` is used unless it is missing, damaged in its head or without a single complete
    step; then ``OUTCAR`` is, if that is any better. A ``vasprun.xml`` that is cut is continued from
    the same run's ``OUTCAR``, with fewer digits: VASP writes them with buffers of their own.

    Parameters
    ----------
    directory
        Where VASP ran.
    suffix
        Suffix of the files of one of several runs, e.g. ``.relax1`` (custodian's).
    part
        Index of the run in an OUTCAR that was joined from several.

    Raises
    ------
    VaspOutputError
        If neither file yields a step.
    OSError
        If a file cannot be read.
    """
    failures = []
    for name in OUTPUTS if part == 0 else OUTPUTS[1:]:
        path = output_file(directory, name, suffix)
        if path is None:
            continue
        try:
            read = read_vasprun_xml(path) if name == "vasprun.xml" else read_outcar(path, part)
            run = _with_first_step(read)
            return _with_outcar(run, output_file(directory, "OUTCAR", suffix))
        except VaspOutputError as error:
            failures.append(f"{path.name}: {error.message}")
    reasons = "; ".join(failures) or f"neither vasprun.xml{suffix} nor OUTCAR{suffix}"
    raise VaspOutputError(reasons, str(directory))


def output_file(directory: Path, name: str, suffix: str = "") -> Path | None:
    """Return the plain or compressed file of a run; None if there is none."""
    candidates = (directory / f"{name}{suffix}{ending}" for ending in ("", *ENDINGS))
    return next((path for path in candidates if path.is_file()), None)


def _with_first_step(run: VaspRun) -> VaspRun:
    first = next(run.steps, None)
    if first is None:
        raise VaspOutputError("no complete ionic step")
    run.steps = chain([first], run.steps)
    return run


def _with_outcar(run: VaspRun, outcar: Path | None) -> VaspRun:
    """Continue a cut vasprun.xml with the steps that only OUTCAR has."""
    if run.source == "OUTCAR" or outcar is None:
        return run
    written = run.steps

    def all_steps() -> Iterator[IonicStep]:
        n_steps, last = 0, None
        for last in written:
            n_steps += 1
            yield last
        if run.complete or last is None:
            return
        try:
            other = read_outcar(outcar)
        except (VaspOutputError, OSError):
            return
        same = next(islice(other.steps, n_steps - 1, None), None)
        if same is None or abs(same.energy - last.energy) > _SAME_ENERGY:
            return  # an OUTCAR of another run
        for step in other.steps:
            run.source = "vasprun.xml, OUTCAR"
            yield step
        run.complete = other.complete

    run.steps = all_steps()
    return run
