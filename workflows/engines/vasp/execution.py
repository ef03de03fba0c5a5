"""Run VASP in a folder under custodian's watch."""

from __future__ import annotations

import os
import shutil
import warnings
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path

from atomate2.vasp.run import JobType, run_vasp
from custodian.custodian import CustodianError, NonRecoverableError
from pymatgen.io.vasp.inputs import Incar, UnknownPotcarWarning
from pymatgen.io.vasp.outputs import UnconvergedVASPWarning

from cuprolith.errors import CuprolithError, WallTimeError
from workflows.engines.vasp.handlers import (
    CompleteRunValidator,
    corrections,
    handlers_for,
    reached_wall_time,
)
from workflows.engines.vasp.run_directory import RunInputs
from workflows.engines.vasp.settings import VaspSettings

# A run is not begun with less time than this: custodian would stop it at once.
_LEAST_SECONDS = 600.0
# What a PBE calculation of the start has no use for.
_META_OR_MOTION = frozenset(
    {"METAGGA", "LMIXTAU", "EDIFFG", "MDALGO", "POTIM", "SMASS", "TEBEG", "TEEND", "NBLOCK"}
)


def execute(directory: Path, task: str, settings: VaspSettings) -> str:
    """Run VASP on the inputs in a folder.

    Parameters
    ----------
    task
        ``relax``, ``static`` or ``melt_quench``; decides who watches.

    Returns
    -------
    str
        Why the run ended before its end; "" if it did not.

    Raises
    ------
    WallTimeError
        If VASP was stopped before its wall time was over, or there was no time to begin.
    CuprolithError
        If the command cannot be started.
    """
    _require_time(directory, settings)
    program = settings.program
    (directory / "custodian.json").unlink(missing_ok=True)  # of an earlier command
    reason = ""
    try:
        with chdir(directory), warnings.catch_warnings():
            # Relaxations that end at `max_steps` are no news here.
            warnings.simplefilter("ignore", UnconvergedVASPWarning)
            if program.potcars is not None:  # they are not known to pymatgen
                warnings.simplefilter("ignore", UnknownPotcarWarning)
            run_vasp(
                job_type=JobType.NORMAL,
                vasp_cmd=settings.command,
                # vasp_gam would be another program.
                vasp_gamma_cmd=settings.command,
                max_errors=settings.max_errors,
                handlers=handlers_for(task, settings),
                validators=[CompleteRunValidator()],
                custodian_kwargs={
                    "polling_time_step": program.poll_seconds,
                    "monitor_freq": max(1, round(program.monitor_seconds / program.poll_seconds)),
                },
            )
    except (FileNotFoundError, PermissionError) as error:
        raise CuprolithError(
            f"`{settings.command}` cannot be started: {error}",
            where=str(directory),
            key="engine.vasp.vasp_cmd",
            remedy="give the command that runs VASP here, or set VASP_CMD",
        ) from error
    except NonRecoverableError:  # its message names an object
        reason = f"no cure is left for {corrections(directory)[-1]}"
    except CustodianError as error:
        reason = error.message
    if reached_wall_time(directory):
        raise WallTimeError(
            "wall time reached",
            where=str(directory),
            remedy="run again: it continues from the last ionic step",
        )
    return reason


def start_from_pbe(directory: Path, inputs: RunInputs, settings: VaspSettings) -> str:
    """Converge PBE orbitals of the same structure and leave them as WAVECAR for the run itself.

    Meta-GGAs converge poorly from random orbitals (https://www.vasp.at/wiki/index.php/METAGGA).

    Returns
    -------
    str
        Why there are none; "" if there are. The run then starts from scratch.
    """
    folder = directory / "pbe-start"
    shutil.rmtree(folder, ignore_errors=True)
    incar = Incar({tag: value for tag, value in inputs.incar.items() if tag not in _META_OR_MOTION})
    incar.update({"GGA": "Pe", "ALGO": "Normal", "NSW": 0, "IBRION": -1, "LWAVE": True})
    RunInputs(incar, inputs.kpoints, inputs.poscar, inputs.potcars).write(folder)
    reason = execute(folder, "static", settings)
    orbitals = folder / "WAVECAR"
    if orbitals.is_file() and orbitals.stat().st_size:
        orbitals.replace(directory / "WAVECAR")
    elif not reason:
        reason = "it wrote no WAVECAR"
    shutil.rmtree(folder)  # its labels are of another functional
    return reason


def _require_time(directory: Path, settings: VaspSettings) -> None:
    """Raise if the job's wall time, counted from its first run, is nearly over."""
    started = os.environ.get("CUSTODIAN_WALLTIME_START")
    seconds = settings.seconds_of_job
    if seconds is None or started is None:
        return
    # custodian writes local time and calls it UTC
    begun = datetime.strptime(started, "%a %b %d %H:%M:%S %Z %Y").replace(tzinfo=None)
    elapsed = (datetime.now(UTC).astimezone().replace(tzinfo=None) - begun).total_seconds()
    if seconds - elapsed < min(_LEAST_SECONDS, seconds / 10):
        raise WallTimeError(
            "no wall time left to begin",
            where=str(directory),
            remedy="run again in a new job",
        )


def last_words(directory: Path) -> str:
    """Return the last line VASP wrote to standard error, or else to standard output."""
    for name in ("std_err.txt", "vasp.out"):
        file = directory / name
        lines = file.read_text(errors="replace").split("\n") if file.is_file() else []
        spoken = [line.strip() for line in lines if line.strip()]
        if spoken:
            return f" ({name}: {spoken[-1][:200]})"
    return ""
