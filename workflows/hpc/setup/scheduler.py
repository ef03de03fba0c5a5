"""A scheduler: the settings of its clusters, and its lines in their template."""

from __future__ import annotations

from dataclasses import dataclass

from cuprolith.registry import Registry
from workflows.hpc.setup.settings import HpcSettings


@dataclass(frozen=True)
class Scheduler:
    """One scheduler.

    Attributes
    ----------
    name
        As jobflow-remote and qtoolkit know it (``scheduler_type``).
    settings
        Settings of a cluster with it; they build the headers of its job scripts.
    class_keys, section
        Lines of the template: its own keys of a class, and its own section.
    launcher
        What starts MPI programs in a job.
    """

    name: str
    settings: type[HpcSettings]
    class_keys: str = ""
    section: str = ""
    launcher: str = "mpirun"


SCHEDULERS = Registry("scheduler", Scheduler, "workflows.hpc.schedulers")
