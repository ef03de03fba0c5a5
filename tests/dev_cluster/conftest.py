import pytest

from cuprolith.errors import CuprolithError
from tests.dev_cluster.cluster import DevCluster
from tests.dev_cluster.database import database_server
from tests.dev_cluster.project import require_jobflow_remote
from tests.dev_cluster.slurm import slurm_programs


@pytest.fixture(scope="session")
def installed():
    """SLURM, a database server and jobflow-remote; a test that needs them is skipped without."""
    for required in (slurm_programs, database_server, require_jobflow_remote):
        try:
            required()
        except CuprolithError as error:
            pytest.skip(str(error))


@pytest.fixture(scope="module")
def started(installed, tmp_path_factory):
    """A cluster of two cores in a folder that no shell takes unquoted."""
    cluster = DevCluster(tmp_path_factory.mktemp("dev") / "it's; a $HOME 100% cluster")
    try:
        cluster.up(cpus=2)
        yield cluster
    finally:
        cluster.down(purge=True)


@pytest.fixture
def cluster(started):
    """The cluster of the module, repaired after what the test before did to it."""
    started.up()
    return started
