"""The lines of a job script that prepare its shell."""

from __future__ import annotations

import shlex

from workflows.hpc.setup.secrets import PASSWORD_VARIABLE
from workflows.hpc.setup.settings import EnvironmentSettings, HpcSettings
from workflows.resource_classes import ResourceClass

# On one line, as all others: `jf project check` joins the lines with semicolons.
_STOP = 'cuprolith_stop() { echo "cuprolith: this line of the job script failed: $1" >&2; exit 1; }'
_NO_JF = (
    "command -v jf > /dev/null || cuprolith_stop 'jf (jobflow-remote is not in this environment)'"
)


def setup_lines(settings: HpcSettings, name: ResourceClass, job_seconds: int) -> list[str]:
    """Return the lines of a class's jobs, common ones first; a line that fails ends the job.

    Otherwise a job whose modules do not load would continue with any VASP or Python on the path.
    Free lines are written as they are; the line after each looks at its exit status.

    Parameters
    ----------
    job_seconds
        Wall time that one job has: VASP is stopped in time, and resumes in another.
    """
    given = settings.classes[name]
    environments = (settings.environment, given.environment)
    # `sbatch` hands the variables of whoever starts the runner to every job.
    lines = [_STOP, f"unset {PASSWORD_VARIABLE}"]
    for environment in environments:
        lines += [_or_stop(f"module load {shlex.quote(it)}") for it in environment.modules]
    for line in free_lines(*environments):
        lines += [line, f"[ $? -eq 0 ] || {_stop(line)}"]
    for environment in environments:
        lines += _python(environment)
    variables = {
        **settings.thread_variables(given.threads_per_task),
        "CUPROLITH_WALL_TIME": job_seconds,
        **settings.environment.variables,
        **given.environment.variables,
    }
    lines += [export(name, str(value)) for name, value in variables.items()]
    return [*lines, _NO_JF]


def free_lines(*environments: EnvironmentSettings) -> list[str]:
    """Return the commands that job scripts hold as the settings have them."""
    return [line for environment in environments for line in environment.lines]


def vasp_lines(settings: HpcSettings) -> list[str]:
    """Return the lines that set where VASP and its potentials are."""
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


def export(name: str, value: str) -> str:
    """Return the line that exports a value as it is."""
    return f"export {name}={shlex.quote(value)}"


def _python(environment: EnvironmentSettings) -> list[str]:
    if environment.venv is not None:
        return [_or_stop(f"source {shlex.quote(environment.venv + '/bin/activate')}")]
    if environment.conda is not None:
        hook = shlex.quote(f"{environment.conda.base}/etc/profile.d/conda.sh")
        name = shlex.quote(environment.conda.name)
        return [_or_stop(f"source {hook}"), _or_stop(f"conda activate {name}")]
    if environment.bin is not None:
        return [f'export PATH={shlex.quote(environment.bin)}:"${{PATH}}"']
    return []


def _or_stop(command: str) -> str:
    return f"{command} || {_stop(command)}"


def _stop(command: str) -> str:
    shown = command.replace("'", "").replace('"', "")
    return f"cuprolith_stop {shlex.quote(shown)}"
