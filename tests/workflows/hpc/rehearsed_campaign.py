"""An interface that a rehearsed VASP relaxes, melts and quenches through the queue."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from tests.workflows.hpc.faulty_cluster import PROJECT, FaultyCluster
from workflows.environment import cuprolith_version
from workflows.hpc.submission.queue_file import (
    QueueFile,
    Route,
    routes,
    write_queue_file,
)
from workflows.hpc.submission.queue_planner import QueuePlanner
from workflows.inputs.campaign import load_campaign
from workflows.labelling.label_plan import LabelPlan
from workflows.labelling.label_summary import summarise_labels
from workflows.stages.generate import generate
from workflows.workdir import Workdir

RELAX_STEPS = 12
SEGMENTS = (6, 2)  # of the 8 steps that the melt cools in
CAMPAIGN = f"""\
name: rehearsed
crystals:
  Cu: {{prototype: fcc, a: 3.575}}
  Li: {{prototype: bcc, a: 3.440}}
structures:
  interfaces:
    - {{substrate: Cu, film: Li, miller_indices: [[1, 0, 0]],
       substrate_thickness: 5.0, film_thickness: 5.0}}
engine:
  name: vasp
  relax: {{max_steps: {RELAX_STEPS}, fmax: 0.001}}
  melt_quench: {{cooling_rate: 40000, hold_steps: 0, segment_steps: {SEGMENTS[0]}}}
  vasp: {{vasp_cmd: cuprolith-vasp-rehearsal, pbe_start: false, wall_time: %s}}
"""


class RehearsedCampaign:
    """A campaign with generated structures; its name is that of its folder.

    Parameters
    ----------
    wall_time
        That its VASP jobs are told they have, s; else that of their worker.
    """

    def __init__(self, folder: Path, wall_time: int | None = None) -> None:
        self.name = folder.name
        self.workdir = Workdir(folder)
        given = folder.with_suffix(".yaml")
        given.write_text(CAMPAIGN % ("null" if wall_time is None else wall_time))
        self.workdir.freeze(load_campaign(given))
        generate(self.workdir)
        self.plan = LabelPlan.of(self.workdir)
        self.runs = self.plan.runs

    def relaxed_elsewhere(self, folder: Path) -> "RehearsedCampaign":
        """Return the same campaign in another folder, with the relaxation's result alone."""
        other = RehearsedCampaign(folder)
        (relaxation,) = self.runs[0].job_uuids
        there, here = (each.plan.folder.path_of_result(relaxation) for each in (other, self))
        there.parent.mkdir(parents=True)
        shutil.copy(here, there)
        return other

    def submit(self, site: FaultyCluster, worker: str = "") -> None:
        """Add the jobs that label to the queue.

        Parameters
        ----------
        worker
            Takes them all.
        """
        given = routes(site.settings)
        queue = QueueFile(
            campaign=self.name,
            project=PROJECT,
            version=cuprolith_version(),
            submission=0,
            routes=dict.fromkeys(given, Route(worker=worker)) if worker else given,
            dft_large_from_atoms=100,
        )
        write_queue_file(self.workdir, queue)
        planner = QueuePlanner(self.workdir, queue, self.plan.folder, "label")
        flow = planner.flow(self.plan.flows())
        with site.controller() as controller:
            controller.add_flow(flow, worker="cpu")

    def folder(self, run: str) -> Path:
        """Return the folder of a run: ``relax``, or the number of a segment."""
        (record,) = {each.record.structure_id for each in self.runs}
        name = f"scaled-down-melt-quench-{run}" if run.isdigit() else run
        return self.workdir.runs / "vasp" / record / name

    def order(self, run: str, fault: str, **options: float) -> None:
        """Have a run play a fault."""
        folder = self.folder(run)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rehearsal_faults.json").write_text(json.dumps({"fault": fault, **options}))

    def n_printed(self, run: str) -> int:
        """Ionic steps that the current attempt at a run has printed."""
        return len(printed(self.folder(run)))

    def energies(self, run: str) -> list[list[float]]:
        """Return the energies that each attempt at a run has printed, the oldest first."""
        folder = self.folder(run)
        attempts = sorted(folder.glob("attempt-*"), key=lambda each: int(each.name[8:]))
        return [printed(each) for each in [*attempts, folder]]

    def corrections(self, run: str) -> str:
        """Return what custodian has written of all attempts at a run."""
        return "".join(each.read_text() for each in self.folder(run).rglob("custodian.json"))

    def gather(self) -> int:
        """Summarise the labels; return how many jobs gave some."""
        summarise_labels(self.workdir, self.plan)
        return len(list(self.plan.folder.results()))

    def labels(self) -> list[dict[str, Any]]:
        """Return what the jobs gave, in the order of their steps."""
        folder, found = self.plan.folder, set(self.plan.folder.results())
        known = [uuid for run in self.runs for uuid in run.job_uuids]
        assert found <= set(known)
        return [folder.output(uuid) for uuid in known if uuid in found]

    def rows(self) -> list[dict[str, Any]]:
        return json.loads(self.workdir.labels_json.read_text())["trajectories"]


def printed(folder: Path) -> list[float]:
    path = folder / "OSZICAR"
    text = path.read_text() if path.is_file() else ""
    return [float(found) for found in re.findall(r" F= (\S+)", text)]
