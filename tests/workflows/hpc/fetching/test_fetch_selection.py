import shutil

import pytest

from tests.workflows.hpc.campaign_on_cluster import (
    LABEL_RESULT,
    REST,
    RESULTS,
    STAYS,
    write_campaign,
)
from workflows.hpc.fetching.rsync import RemoteFile, RemoteFolder
from workflows.hpc.fetching.selection import (
    Selection,
    fetch_order,
    open_databases,
)


def file(name, size=1):
    return RemoteFile(name, size, True)


@pytest.mark.skipif(shutil.which("rsync") is None, reason="no rsync here")
@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(), RESULTS),
        (Selection(labels=True), [*RESULTS, LABEL_RESULT]),
        (Selection(everything=True), [*RESULTS, LABEL_RESULT, *REST]),
    ],
)
def test_what_is_brought(selection, chosen, tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    write_campaign(there, [*RESULTS, LABEL_RESULT, *REST, *STAYS])
    here.mkdir()
    found = RemoteFolder(there).compare(here, selection.options())
    assert sorted(file.path for file in found.files) == sorted(chosen)


def test_what_tells_that_the_rest_is_whole_comes_last():
    files = [file(name) for name in ("dataset/dataset.json", "dataset/train.extxyz")]
    assert sorted(files, key=fetch_order) == files[::-1]


def test_a_database_with_a_log_is_open():
    sizes = {"a.db": 9, "a.db-wal": 9, "b.db": 9, "b.db-wal": 0, "c.db-journal": 1, "d.db-shm": 1}
    files = [file(name, size) for name, size in sizes.items()]
    assert open_databases(files) == {"a.db", "c.db"}
