import uuid
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from cuprolith.errors import CuprolithError
from tests.dev_cluster.ports import free_port
from workflows.hpc.setup.project import ProjectFiles, write_project
from workflows.hpc.setup.queue_collections import prepare_queue
from workflows.hpc.setup.settings_file import checked_settings

GOLDEN = Path(__file__).parent / "golden" / "settings"


def written(tmp_path, port, password=None):
    data = yaml.safe_load((GOLDEN / "pbs.yaml").read_text())
    data["mongodb"] = {"host": "127.0.0.1", "port": port, "database": f"test_{uuid.uuid4().hex}"}
    if password is not None:
        data["mongodb"]["user"] = "lena"
    settings = checked_settings(data, Path())
    files = ProjectFiles(tmp_path, "licu")
    write_project(settings, files, password)
    return files, data["mongodb"]["database"]


def collections(port, database):
    from pymongo import MongoClient

    with MongoClient("127.0.0.1", port) as client:
        yield client[database]


def test_an_empty_database_is_prepared_once(tmp_path, wire_port):
    files, name = written(tmp_path, wire_port)
    assert prepare_queue(files)
    for database in collections(wire_port, name):
        database["jobs"].insert_one({"uuid": "mine"})
        assert not prepare_queue(files)
        assert database["jobs"].count_documents({"uuid": "mine"}) == 1


def test_collections_of_somebody_else_stay(tmp_path, wire_port):
    files, name = written(tmp_path, wire_port)
    for database in collections(wire_port, name):
        database["jobs"].insert_one({"title": "engineer"})
        with pytest.raises(CuprolithError, match="not jobflow-remote's"):
            prepare_queue(files)
        assert database["jobs"].count_documents({}) == 1


@pytest.mark.slow
def test_no_database_is_said_soon_and_without_the_password(tmp_path):
    pytest.importorskip("jobflow_remote")
    files, _ = written(tmp_path, free_port(), SecretStr("hunter2"))
    with pytest.raises(CuprolithError, match="does not answer") as caught:
        prepare_queue(files)
    assert "hunter2" not in str(caught.value)
    assert caught.value.key == "mongodb"


def test_a_project_that_others_can_read_is_not_used(tmp_path):
    pytest.importorskip("jobflow_remote")
    files, _ = written(tmp_path, 1)
    files.project.chmod(0o644)
    with pytest.raises(CuprolithError, match="others may read"):
        prepare_queue(files)
