import pytest

from cuprolith.errors import CuprolithError
from workflows.hpc.jobs.job_database import prepare_queue


@pytest.fixture
def empty(controller):
    """jobflow-remote's controller on a database without its collections."""
    for name in controller.db.list_collection_names():
        controller.db[name].drop()
    return controller


def test_an_empty_database_is_prepared_once(empty):
    assert prepare_queue(empty)
    empty.jobs.insert_one({"uuid": "mine"})
    assert not prepare_queue(empty)
    assert empty.jobs.count_documents({"uuid": "mine"}) == 1


def test_collections_of_somebody_else_stay(empty):
    empty.jobs.insert_one({"title": "engineer"})
    with pytest.raises(CuprolithError, match="not jobflow-remote's"):
        prepare_queue(empty)
    assert empty.jobs.count_documents({}) == 1
