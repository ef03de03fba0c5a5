import pytest

from workflows.hpc.jobs.node_hours import job_nodes


@pytest.mark.parametrize(
    ("resources", "nodes"),
    [
        ({"nodes": 3, "ntasks": 96}, 3),
        ({"nodes": "2"}, 2),
        ({"ntasks": 8}, 1),
        ({}, 1),
        (None, 1),
        ({"select": "select=2:ncpus=32"}, 2),
        ({"select": "select=2:ncpus=32+1:ncpus=4"}, 3),
        ({"select": "select=ncpus=4"}, 1),
        ({"select": "gpu=2"}, 1),  # SGE's
    ],
)
def test_nodes_of_a_template(resources, nodes):
    assert job_nodes(resources) == nodes


def test_nodes_of_qresources():
    qtoolkit = pytest.importorskip("qtoolkit.core.data_objects")
    even = qtoolkit.ProcessPlacement.EVENLY_DISTRIBUTED
    made = qtoolkit.QResources
    assert job_nodes(made(nodes=5, processes_per_node=32)) == 5
    assert job_nodes(made(processes=65, processes_per_node=32, process_placement=even)) == 3
    assert job_nodes(made(processes=65)) == 1
