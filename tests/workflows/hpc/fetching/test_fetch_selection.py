import pytest

from tests.workflows.hpc.campaign_on_cluster import LABEL_RESULT, REST, RESULTS, STAYS
from workflows.hpc.fetching.campaign_folder import FolderFile
from workflows.hpc.fetching.selection import Selection, fetch_order, open_databases


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(), RESULTS),
        (Selection(labels=True), [*RESULTS, LABEL_RESULT]),
        (Selection(everything=True), [*RESULTS, LABEL_RESULT, *REST]),
    ],
)
def test_what_is_brought(selection, chosen):
    files = [*RESULTS, LABEL_RESULT, *REST, *STAYS]
    assert [name for name in files if selection.includes(name)] == chosen


def test_what_tells_that_the_rest_is_whole_comes_last():
    files = [FolderFile(name, 1) for name in ("dataset/dataset.json", "dataset/train.extxyz")]
    assert sorted(files, key=fetch_order) == files[::-1]


def test_a_database_with_a_log_is_open():
    sizes = {"a.db": 9, "a.db-wal": 9, "b.db": 9, "b.db-wal": 0, "c.db-journal": 1, "d.db-shm": 1}
    files = [FolderFile(name, size) for name, size in sizes.items()]
    assert open_databases(files) == {"a.db", "c.db"}
