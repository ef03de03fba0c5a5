"""The stages of a campaign: each is one module of :mod:`workflows.stages`.

The command line, the run at home, the flow in a queue, status, fetch and report are all derived
from :func:`ordered_stages`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cuprolith.registry import Registry, RegistryError
from workflows.resource_classes import ResourceClass
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from jobflow import Flow

    from workflows.inputs.campaign import Campaign
    from workflows.jobs.job_folder import JobFolder


@dataclass(frozen=True)
class StageJobs:
    """The jobs that a stage consists of, for a queue.

    Attributes
    ----------
    folder
        Where the jobs and their results are.
    flows
        Flows of all jobs, finished ones too.
    summary
        Description of the jobs.
    """

    folder: JobFolder
    flows: Iterable[Flow]
    summary: str


@dataclass(frozen=True)
class Stage:
    """A stage of a campaign.

    Attributes
    ----------
    name
        Name of the stage and of its command.
    follows
        Name of the stage before it; "" for the first.
    run
        Function that does what is left on this machine, and returns a summary.
    output
        Function from a workdir and a variant to the file that the stage writes last; None if
        another stage has it.
    help
        Help text of its command; "" if it has no command.
    resource
        Resource class of its job in a queue.
    jobs
        Function that returns its jobs for a queue; None if it is one job.
    after_failures
        Whether it runs in a queue after an earlier stage failed, with the results that exist.
    at_home
        Whether it is a separate step at home; if not, the stage before it does its work there.
    wanted
        Whether a campaign asks for it; None if every campaign has it.
    show
        Function that prints details of the summary.
    extend
        Function that returns its command with a second use added.
    """

    name: str
    follows: str
    run: Callable[[Workdir], object]
    output: Callable[[Workdir, str], Path] | None = None
    help: str = ""
    resource: ResourceClass = "cpu"
    jobs: Callable[[Workdir], StageJobs] | None = None
    after_failures: bool = False
    at_home: bool = True
    wanted: Callable[[Campaign], bool] | None = None
    show: Callable[[Any], None] | None = None
    extend: Callable[[Callable[..., None]], Callable[..., None]] | None = None

    def path(self, workdir: Workdir) -> Path:
        """Return the file that it writes last in a workdir."""
        assert self.output is not None
        return self.output(workdir, workdir.campaign().training.variant)

    @property
    def pattern(self) -> str:
        """Pattern of the file that it writes last, relative to a workdir; "" if it writes none."""
        return "" if self.output is None else self.output(Workdir(Path()), "*").as_posix()


STAGES = Registry("stage", Stage, "workflows.stages")


@cache
def ordered_stages() -> tuple[Stage, ...]:
    """Return all stages, each after the one it follows.

    Raises
    ------
    RegistryError
        If a stage follows one that does not exist.
    """
    found: list[Stage] = []
    follow = [""]
    while follow:
        before = follow.pop()
        following = [stage for stage in STAGES if stage.follows == before]
        found += following
        follow += [stage.name for stage in reversed(following)]
    if lost := {stage.name for stage in STAGES} - {stage.name for stage in found}:
        raise RegistryError(f"stages that follow no other stage: {', '.join(sorted(lost))}")
    return tuple(found)


def campaign_stages(campaign: Campaign) -> tuple[Stage, ...]:
    """Return the stages that a campaign asks for, in their order."""
    return tuple(
        stage for stage in ordered_stages() if stage.wanted is None or stage.wanted(campaign)
    )


def stage_commands() -> list[str]:
    """Return the names of the stages that have a command, in their order."""
    return [stage.name for stage in ordered_stages() if stage.help]
