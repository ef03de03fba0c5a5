"""Commands that change a project as the doctor advises; each is one that its project survives."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.hpc.dev_cluster.project import up_command
from workflows.hpc.setup.project import ProjectFiles
from workflows.hpc.setup.settings import HpcSettings

_PYTHON_FLAGS = {
    "venv": "--venv /full/path",
    "conda": "--conda-env NAME",
    "bin": "--set environment.bin=/full/path",
}
_BY_HAND = "pre_run or resources of the worker, or the exec config `vasp`, in the project's file"


@dataclass(frozen=True)
class Remedies:
    """How a project is changed.

    Attributes
    ----------
    init
        Command that writes the project again from its settings and more flags; empty if the project
        was not written by Cuprolith.
    other_python
        What gives its jobs another Python.
    has_gpus
        Whether its scheduler can give GPUs to jobs.
    """

    init: str = ""
    other_python: str = _BY_HAND
    has_gpus: bool = True

    @classmethod
    def of(cls, files: ProjectFiles, settings: HpcSettings) -> Remedies:
        """Return those of a project that Cuprolith has written."""
        init = f"cuprolith hpc init --project {files.name} --force"
        up = up_command(files)
        if up is not None:
            return cls(init, f"{up}, in the environment that has it", has_gpus=False)
        known = settings.environment.pythons
        return cls(init, f"{init} {_PYTHON_FLAGS[known[0] if known else 'venv']}")

    def with_flags(self, flags: str) -> str:
        """Return what changes the project as flags of `cuprolith hpc init` do."""
        return f"{self.init} {flags}" if self.init else _BY_HAND
