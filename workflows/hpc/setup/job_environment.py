"""The lines of a job script that prepare its shell."""

from __future__ import annotations

import re
import shlex

from workflows.hpc.setup.settings import ClassSettings, EnvironmentSettings, HpcSettings
from workflows.hpc.setup.shell_words import export

# On one line, as all others: `jf project check` joins the lines with semicolons.
_STOP = 'cuprolith_stop() { echo "cuprolith: this line of the job script failed: $1" >&2; exit 1; }'
_NO_JF = (
    "command -v jf > /dev/null || cuprolith_stop 'jf (jobflow-remote is not in this environment)'"
)
_CANNOT_FAIL = ("export ", "unset ")


def setup_lines(settings: HpcSettings, given: ClassSettings, job_seconds: int) -> list[str]:
    """Return the lines of a class's jobs, common ones first; a line that fails ends the job.

    Without that, a job whose modules do not load would go on with whatever VASP or Python the
    path has.

    Parameters
    ----------
    job_seconds
        Wall time that one job has: VASP is stopped in time, and goes on in another.
    """
    commands = [
        *_without_password(settings),
        *_modules(settings.environment, given.environment),
        *settings.environment.lines,
        *given.environment.lines,
        *_python(settings.environment, given.environment),
        *_threads(settings, given),
        f"export CUPROLITH_WALL_TIME={job_seconds}",
        *_variables(settings.environment, given.environment),
    ]
    return [_STOP, *map(_or_stop, commands), _NO_JF]


def vasp_lines(settings: HpcSettings) -> list[str]:
    """Return the lines that tell where VASP and its potentials are."""
    vasp = settings.vasp
    if vasp is None:
        return []
    given = {
        "VASP_CMD": vasp.command,
        "PMG_VASP_PSP_DIR": vasp.potcars,
        "CUPROLITH_VASP_NCORE": vasp.ncore,
        "CUPROLITH_VASP_KPAR": vasp.kpar,
    }
    return [export(name, str(value)) for name, value in given.items() if value is not None]


def _without_password(settings: HpcSettings) -> list[str]:
    """`sbatch` hands the variables of whoever starts the runner to every job."""
    kind, _, name = (settings.mongodb.password_from or "").partition(":")
    return [f"unset {name}"] if kind == "env" else []


def _modules(*environments: EnvironmentSettings) -> list[str]:
    names = [name for environment in environments for name in environment.modules]
    return [f"module load {name}" for name in names]


def _python(*environments: EnvironmentSettings) -> list[str]:
    for environment in environments:
        if environment.venv is not None:
            return [f"source {shlex.quote(environment.venv + '/bin/activate')}"]
        if environment.conda is not None:
            conda = environment.conda
            hook = shlex.quote(f"{conda.base}/etc/profile.d/conda.sh")
            return [f"source {hook}", f"conda activate {conda.name}"]
        if environment.bin is not None:
            return [f'export PATH={shlex.quote(environment.bin)}:"${{PATH}}"']
    return []


def _threads(settings: HpcSettings, given: ClassSettings) -> list[str]:
    lines = [f"export OMP_NUM_THREADS={given.threads_per_task}"]
    if settings.scheduler == "slurm" and given.threads_per_task > 1:
        # srun does not take --cpus-per-task from the job since SLURM 22.05
        lines.append(f"export SRUN_CPUS_PER_TASK={given.threads_per_task}")
    return lines


def _variables(*environments: EnvironmentSettings) -> list[str]:
    return [
        export(name, value)
        for environment in environments
        for name, value in environment.variables.items()
    ]


def _or_stop(command: str) -> str:
    if command.startswith(_CANNOT_FAIL):
        return command
    shown = re.sub("['\"]", "", command)
    return f"{command} || cuprolith_stop {shlex.quote(shown)}"
