import os
import uuid

import pytest
import yaml
from ase.calculators.emt import EMT
from pymatgen.core import Structure

from cuprolith.errors import CuprolithError
from tests.dev_cluster.daemon import Daemon
from tests.dev_cluster.database import answers, database_server
from tests.dev_cluster.ports import free_port
from tests.dev_cluster.project import require_jobflow_remote


@pytest.fixture(scope="session")
def wire_port(tmp_path_factory):
    """Port of a MongoDB-wire server; a test that needs it is skipped without."""
    try:
        require_jobflow_remote()
        server = database_server()
    except CuprolithError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("database")
    (folder / "data").mkdir()
    port = free_port()
    daemon = Daemon("database", folder / "stat", folder / "log")
    daemon.start(server.command(port, folder / "data"), os.environ, folder)
    try:
        daemon.wait_until(lambda: answers(port), 60)
        yield port
    finally:
        daemon.kill()


@pytest.fixture
def project(wire_port, tmp_path):
    """A project of jobflow-remote with a database of its own, and a file that holds it."""
    from jobflow_remote.config.base import Project

    database = {"host": "127.0.0.1", "port": wire_port, "database": f"test_{uuid.uuid4().hex}"}
    resources = {"dft-small": {"nodes": 1}, "dft-large": {"nodes": 4}, "cpu": {}}
    document = {
        "name": "test",
        "base_dir": str(tmp_path / "runner"),
        "workers": {
            name: {
                "type": "local",
                "scheduler_type": "slurm",
                "work_dir": str(tmp_path / "work"),
                "resources": given,
            }
            for name, given in resources.items()
        },
        "queue": {"store": {"type": "MongoStore", "collection_name": "jobs", **database}},
        "jobstore": {
            "docs_store": {"type": "MongoStore", "collection_name": "outputs", **database}
        },
    }
    folder = tmp_path / "projects"
    folder.mkdir()
    (folder / "test.yaml").write_text(yaml.safe_dump(document))
    return Project.model_validate(document)


@pytest.fixture
def controller(project):
    """jobflow-remote's controller on an empty database."""
    opened = project.get_job_controller()
    opened.reset(reset_output=True, max_limit=0)
    yield opened
    opened.close()


CALCULATOR = "workflows.labelling.calculator_engine.loaded_calculator"


@pytest.fixture
def emt(monkeypatch):
    """Let the makers label with ASE's EMT, which costs nothing and is smooth."""
    monkeypatch.setattr(CALCULATOR, lambda _settings: EMT())


@pytest.fixture
def slab():
    """Cu(100), four layers of one atom, the outer two free, one of them displaced."""
    from ase.build import fcc100

    atoms = fcc100("Cu", (2, 2, 4), a=3.6, vacuum=6.0, periodic=True)
    atoms.positions[-1] += [0.1, 0.05, 0.1]
    structure = Structure(
        atoms.cell.array, atoms.get_chemical_symbols(), atoms.positions, coords_are_cartesian=True
    )
    free = [tag in (1, 4) for tag in atoms.get_tags()]
    structure.add_site_property("selective_dynamics", [[flag] * 3 for flag in free])
    return structure
