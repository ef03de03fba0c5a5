"""Which worker a job goes to follows from what its engine needs."""

import pytest
from ase.build import bulk

from workflows.engine import engine_settings, make_engine
from workflows.environment import cuprolith_version
from workflows.hpc.submission.queue_file import QueueFile, Route
from workflows.labelling.label_runs import label_runs, structure_flows
from workflows.resource_classes import RESOURCE_CLASSES
from workflows.structures.structure_files import StructureRecord

VASP = {"name": "vasp", "vasp": {"vasp_cmd": "vasp_std"}}


@pytest.mark.parametrize(
    ("engine", "n_atoms", "expected"),
    [
        ({"name": "emt"}, 1, "cpu"),
        ({"name": "diep-r2scan"}, 8, "cpu"),
        ({"name": "diep-r2scan", "device": "cuda"}, 1, "gpu"),
        (VASP, 1, "dft-small"),
        (VASP, 8, "dft-large"),
        ({**VASP, "task": "static"}, 1, "dft-small"),
    ],
)
def test_resource_class_of_a_label_job(engine, n_atoms, expected):
    settings = engine_settings(**engine)
    made = make_engine(settings)
    record = StructureRecord("bulk-1", "bulk", "", "", bulk("Cu").repeat((n_atoms, 1, 1)))
    runs = label_runs([record], settings, made, 0)
    (job,) = [job for flow in structure_flows(runs, made, 0) for job in flow.jobs]
    queue = QueueFile(
        campaign="c",
        project="p",
        version=cuprolith_version(),
        submission=0,
        routes={name: Route(worker=name) for name in RESOURCE_CLASSES},
        dft_large_from_atoms=8,
    )
    assert queue.resource(job.metadata) == expected
    assert queue.manager_config(job.metadata) == {"worker": expected}
