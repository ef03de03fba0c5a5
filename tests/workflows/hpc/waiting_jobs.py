"""Campaigns of no chemistry, whose jobs wait where a test tells them to."""

import time
from pathlib import Path

from jobflow import Flow, Job, job

from tests.workflows.hpc.faulty_cluster import PROJECT, FaultyCluster
from workflows.environment import cuprolith_version
from workflows.hpc.submission.queue_file import (
    QueueFile,
    routes,
    write_queue_file,
)
from workflows.hpc.submission.queue_planner import QueuePlanner
from workflows.jobs.job_ids import stable_uuid
from workflows.labelling.label_metadata import BUILDS
from workflows.labelling.label_plan import label_folder
from workflows.resource_classes import ResourceClass
from workflows.tuning.resources import RESOURCE
from workflows.workdir import Workdir

N_STEPS = 4
WAITS_BEFORE = 2


@job(data="trajectory")
def steps(name: str, before: object = None, *, size: int = 0) -> dict[str, object]:
    """Take steps, going on behind those that are there; in between wait for the file `go`."""
    add(f"{name}.attempts", "begun")
    taken = Path(f"{name}.steps")
    done = len(lines(taken))
    for step in range(done, N_STEPS):
        while step == WAITS_BEFORE and not Path("go").exists():
            time.sleep(0.1)
        add(taken.name, str(step))
    trajectory = [float(line) for line in lines(taken)]
    return {"name": name, "trajectory": trajectory, "ballast": ballast(size)}


def ballast(size: int) -> str:
    """So many characters that do not compress well."""
    from random import Random

    return Random(0).randbytes(size // 2).hex()


def add(name: str, line: str) -> None:
    with Path(name).open("a") as stream:
        stream.write(f"{line}\n")


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def label_job(
    name: str,
    before: Job | None = None,
    *,
    on: ResourceClass = "cpu",
    short: bool = False,
    size: int = 0,
) -> Job:
    """A job of a class; with `short`, one of several in a job of the queue."""
    made = steps(name, before.output["name"] if before is not None else None, size=size)
    made.name = name
    made.set_uuid(stable_uuid("waiting", name))  # the same in all campaigns, as of a structure
    made.update_metadata({RESOURCE: on, BUILDS: short}, dynamic=False)
    return made


class WaitingCampaign:
    """A campaign of such jobs; its name is that of its folder."""

    def __init__(self, site: FaultyCluster, folder: Path, jobs: list[Job]) -> None:
        self.site = site
        self.name = folder.name
        self.workdir = Workdir(folder)
        self.jobs = label_folder(self.workdir)
        self._flow = jobs
        self.workdir.runs.mkdir(parents=True, exist_ok=True)

    @property
    def names(self) -> list[str]:
        return [each.name for each in self._flow]

    def submit(self, submission: int = 0, version: str = "") -> None:
        queue = QueueFile(
            campaign=self.name,
            project=PROJECT,
            version=version or cuprolith_version(),
            submission=submission,
            routes=routes(self.site.settings),
            dft_large_from_atoms=100,
        )
        write_queue_file(self.workdir, queue)
        flow = QueuePlanner(self.workdir, queue, self.jobs, "label").flow([Flow(self._flow)])
        with self.site.controller() as controller:
            controller.add_flow(flow, worker="cpu")

    def waits(self, name: str) -> bool:
        """Whether a job is where it waits."""
        return len(self.steps(name)) == WAITS_BEFORE

    def go(self) -> None:
        """Let all jobs go on."""
        (self.jobs.directory / "go").touch()

    def attempts(self, name: str) -> int:
        return len(lines(self.jobs.directory / f"{name}.attempts"))

    def steps(self, name: str) -> list[str]:
        return lines(self.jobs.directory / f"{name}.steps")

    def assert_whole(self) -> None:
        """All labels are there, each once, and no step was taken twice."""
        standing = self.site.wait_for_end(self.name)
        assert standing.troubles == [], self.site.explained()
        assert self.site.recover(self.name) == []
        for name in self.names:
            assert self.steps(name) == [str(step) for step in range(N_STEPS)], self.site.explained()
        found = list(self.jobs.results())
        assert sorted(found) == sorted(each.uuid for each in self._flow)
        outputs = [self.jobs.output(uuid) for uuid in found]
        assert sorted(output["name"] for output in outputs) == sorted(self.names)
        assert all(len(output["trajectory"]) == N_STEPS for output in outputs)
