import pytest
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from workflows.hpc.doctor import database as doctor_database
from workflows.hpc.doctor.database import check_documents, check_queue


def test_a_document_goes_in_and_out_and_nothing_stays(controller, wire_port):
    before = set(controller.db.list_collection_names())
    check = check_documents(controller)
    assert check.status == "ok"
    assert f"at 127.0.0.1:{wire_port}: a document written, read and removed" in check.found
    assert set(controller.db.list_collection_names()) == before


def test_another_doctor_s_document_stays(controller):
    controller.db["cuprolith_doctor"].insert_one({"_id": "other"})
    assert check_documents(controller).status == "ok"
    assert controller.db["cuprolith_doctor"].count_documents({}) == 1


@pytest.mark.parametrize(
    ("error", "words", "remedy"),
    [
        (
            OperationFailure("x", details={"errmsg": "not authorized on licu"}),
            "refuses: not authorized on licu",
            "role readWrite",
        ),
        (ServerSelectionTimeoutError("refused, Timeout: 5s, ..."), "refused", "start it"),
    ],
)
def test_what_the_database_refuses(controller, monkeypatch, error, words, remedy):
    def fail(_):
        raise error

    monkeypatch.setattr(doctor_database, "_round_trip", fail)
    check = check_documents(controller)
    assert check.status == "missing"
    assert check.found.endswith(words)
    assert remedy in check.remedy


def test_a_prepared_queue(controller):
    assert check_queue(controller, "test").found.startswith("prepared by jobflow-remote 1.")


def test_a_queue_that_is_not_prepared(controller):
    controller.auxiliary.drop()
    check = check_queue(controller, "test")
    assert (check.status, check.remedy) == ("missing", "cuprolith hpc prepare --project test")


def test_a_queue_without_its_counter(controller):
    controller.auxiliary.delete_one({"next_id": {"$exists": True}})
    check = check_queue(controller, "test")
    assert check.status == "missing"
    assert "or empty the queue: jf -p test runner stop --wait; jf -p" in check.remedy


def test_a_queue_without_indexes(controller):
    controller.jobs.drop_indexes()
    check = check_queue(controller, "test")
    assert check.found == "no indexes on jobs"
    assert check.remedy == "jf -p test admin index rebuild"
