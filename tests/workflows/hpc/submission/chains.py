"""Jobs of no chemistry, and their way through the queue's jobs on this machine."""

import json
from pathlib import Path

from jobflow import Flow, Job, JobConfig, OnMissing, Response, job
from jobflow.managers.local import run_locally

from cuprolith.errors import WallTimeError
from workflows.environment import cuprolith_version
from workflows.hpc.submission.queue_file import (
    QueueFile,
    Route,
    write_queue_file,
)
from workflows.hpc.submission.queue_planner import QueuePlanner
from workflows.jobs.job_folder import JobFolder
from workflows.jobs.job_ids import stable_uuid
from workflows.resource_classes import RESOURCE_CLASSES
from workflows.workdir import Workdir


def note(what: str) -> None:
    """Append a line to a file in the directory of the jobs."""
    with Path("noted").open("a") as stream:
        stream.write(f"{what}\n")


@job(data="trajectory")
def relax(name: str, start: float) -> dict[str, object]:
    note(name)
    if Path(f"broken-{name}").exists():
        raise RuntimeError(f"{name} is broken")
    return {"end": start / 2, "trajectory": [start, float("nan"), start / 2]}


@job
def build(name: str, ends: list[float | None]) -> Response:
    note(name)
    usable = [end for end in ends if end is not None]
    return Response(output={"start": sum(usable)}, stop_children=not usable)


@job(data="trajectory")
def segment(name: str, start: float, index: int, n_segments: int) -> Response:
    """One of several segments, each of which leads to the next."""
    note(f"{name}-{index}")
    following = None
    if index + 1 < n_segments:
        following = named(segment(name, start / 2, index + 1, n_segments), f"{name}-{index + 1}")
    return Response(output={"end": start / 2, "trajectory": [start]}, detour=following)


@job
def slow(name: str, n_steps: int) -> dict[str, int]:
    """As many steps as three wall times allow, and then the rest."""
    state = Path(f"{name}.json")
    done = json.loads(state.read_text()) if state.exists() else 0
    state.write_text(json.dumps(done + 1))
    note(f"{name} {done}")
    if done + 1 < n_steps:
        raise WallTimeError("wall time reached")
    return {"steps": done + 1}


def named(made: Job, name: str) -> Job:
    made.name = name
    made.set_uuid(stable_uuid("test", name))
    return made


def slab_flows(n_segments: int = 3) -> list[Flow]:
    """Two slabs, and an interface built from both whose relaxation is melted and quenched."""
    slabs = [named(relax(name, start), name) for name, start in (("Cu", 8.0), ("Li", 4.0))]
    start = named(build("start", [slab.output["end"] for slab in slabs]), "start")
    start.config = JobConfig(on_missing_references=OnMissing.NONE)
    interface = named(relax("interface", start.output["start"]), "interface")
    melt = named(segment("melt", interface.output["end"], 0, n_segments), "melt-0")
    return [*(Flow([slab]) for slab in slabs), Flow([start, interface, melt])]


class Queue:
    """A workdir with a queue whose jobs run here, one after another, when they are told to."""

    def __init__(self, folder: Path, submission: int = 0, version: str = "") -> None:
        self.workdir = Workdir(folder / "workdir")
        self.file = QueueFile(
            campaign="li-cu",
            project="test",
            version=version or cuprolith_version(),
            submission=submission,
            routes={name: Route(worker=name) for name in RESOURCE_CLASSES},
            dft_large_from_atoms=100,
        )
        write_queue_file(self.workdir, self.file)
        self.jobs = JobFolder(self.workdir.labels, folder / "runs")

    def flow(self, flows: list[Flow]) -> Flow | None:
        return QueuePlanner(self.workdir, self.file, self.jobs, "label").flow(flows)

    def run(self, flows: list[Flow]) -> dict[str, object]:
        """Run what is left, and return the outputs of the queued jobs."""
        flow = self.flow(flows)
        if flow is None:
            return {}
        responses = run_locally(flow, root_dir=self.workdir.root, log=False)
        return {uuid: by_index[1].output for uuid, by_index in responses.items()}

    def noted(self) -> list[str]:
        """What has been run since this was asked last."""
        path = self.jobs.directory / "noted"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def output(self, name: str) -> object:
        uuid = stable_uuid("test", name)
        return None if self.jobs.result(uuid) is None else self.jobs.output(uuid)
