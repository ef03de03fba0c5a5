from tests.workflows.hpc.campaign_on_cluster import RESULTS
from tests.workflows.hpc.submitted import put, submit
from workflows.hpc.fetching.unfinished import not_made_yet
from workflows.hpc.jobs.status import campaign_status


def test_what_is_missing_and_how_far_it_is(controller):
    small, large = submit(controller, 2), submit(controller, 2, resource="dft-large")
    submit(controller, stage="train", resource="cpu")
    for db_id, state in ((small[0], "COMPLETED"), (large[0], "COMPLETED"), (large[1], "FAILED")):
        put(controller, db_id, state)
    standing = campaign_status(controller, "li-cu")
    assert not_made_yet(["structures/structures.json"], standing) == (
        "no labels, dataset, training, report yet: label: 2 of 4 jobs are done and 1 failed, "
        "train: 0 of 1 jobs are done"
    )
    assert not_made_yet(RESULTS, standing) == ""


def test_nothing_is_left_that_could_make_it(controller):
    (db_id,) = submit(controller)
    put(controller, db_id, "COMPLETED")
    standing = campaign_status(controller, "li-cu")
    present = [name for name in RESULTS if not name.startswith("report")]
    assert not_made_yet(present, standing) == "no report yet: no job is left"
