import pytest

from cuprolith.errors import CuprolithError
from tests.workflows.hpc.campaign_on_cluster import (
    LABEL_RESULT,
    REST,
    RESULTS,
    names_in,
    write,
    write_campaign,
)
from workflows.hpc.fetching.fetch import fetch
from workflows.hpc.fetching.manifest import MANIFEST_FILE
from workflows.hpc.fetching.selection import Selection

RESULT = Selection()
# Through SSH, each command takes a while: test_fetch_over_ssh.py tries the whole of it once.
pytestmark = pytest.mark.parametrize("host_project", ["local"], indirect=True)


@pytest.fixture
def reads(folder, monkeypatch):
    """Names of the files that are read on the cluster; a test may act on each."""

    class Reads(list):
        def before(self, name):
            pass

    seen = Reads()
    read_into = folder.read_into

    def watched(name, out):
        seen.append(name)
        seen.before(name)
        read_into(name, out)

    monkeypatch.setattr(folder, "read_into", watched)
    return seen


def paths(files):
    return sorted(file.path for file in files)


def test_results_come_once(folder, there, target, reads):
    write_campaign(there)
    assert paths(fetch(folder, target, RESULT).came) == RESULTS
    assert names_in(target) == RESULTS
    for name in RESULTS:
        assert (target / name).read_bytes() == (there / name).read_bytes()
    reads.clear()
    again = fetch(folder, target, RESULT)
    assert (again.came, paths(again.same), reads) == ([], RESULTS, [])


def test_more_is_brought_when_asked_for(folder, there, target):
    write_campaign(there)
    fetch(folder, target, RESULT)
    assert paths(fetch(folder, target, Selection(labels=True)).came) == [LABEL_RESULT]
    assert paths(fetch(folder, target, Selection(everything=True)).came) == sorted(REST)


def test_what_changed_and_what_is_new(folder, there, target):
    write_campaign(there, ["timings.json", "report/index.html"])
    fetch(folder, target, RESULT)
    write(there, "report/index.html", "another with the same name")
    write(there, "dataset/dataset.json", "{}")
    (there / "timings.json").unlink()
    found = fetch(folder, target, RESULT)
    assert paths(found.came) == ["dataset/dataset.json", "report/index.html"]
    assert (target / "timings.json").exists(), "nothing here is deleted"
    assert (target / "report/index.html").read_text() == "another with the same name"


def test_a_file_of_one_s_own_is_kept(folder, there, target):
    write_campaign(there, ["timings.json", "report/index.html"])
    write(target, "report/index.html", "mine")
    found = fetch(folder, target, RESULT)
    assert (found.kept, paths(found.came)) == (["report/index.html"], ["timings.json"])
    assert (target / "report/index.html").read_text() == "mine"
    fetch(folder, target, RESULT, force=True)
    assert (target / "report/index.html").read_text() == "content of report/index.html"


def test_a_fetched_file_that_was_changed_here_is_kept(folder, there, target):
    write_campaign(there, ["timings.json"])
    fetch(folder, target, RESULT)
    write(target, "timings.json", "changed here")
    write(there, "timings.json", "changed there")
    assert fetch(folder, target, RESULT).kept == ["timings.json"]
    assert (target / "timings.json").read_text() == "changed here"


def test_a_campaign_of_one_s_own_is_not_mixed_with_another(folder, there, target):
    write_campaign(there)
    write(target, "campaign.yaml", "name: other")
    with pytest.raises(CuprolithError, match="another campaign is here"):
        fetch(folder, target, RESULT)
    assert names_in(target) == ["campaign.yaml"]


def test_what_came_from_another_folder_is_not_mixed_with_it(folder, there, target):
    write_campaign(there)
    write(target, MANIFEST_FILE, '{"source": "/elsewhere"}')
    with pytest.raises(CuprolithError, match="was fetched from /elsewhere"):
        fetch(folder, target, RESULT)
    assert names_in(target) == []


def test_a_broken_connection(folder, there, target, reads):
    write_campaign(there)

    def break_off(name):
        if len(reads) == 4:
            raise EOFError

    reads.before = break_off
    with pytest.raises(EOFError):
        fetch(folder, target, RESULT)
    begun = names_in(target)
    assert len(begun) == 3
    reads.clear()
    reads.before = lambda _: None
    write(there, begun[0], "changed meanwhile")
    found = fetch(folder, target, RESULT)
    assert paths(found.same) == begun[1:]
    assert begun[0] in paths(found.came)
    assert names_in(target) == RESULTS


def test_a_killed_fetch_is_known_to_have_brought_its_files(folder, there, target):
    """It could not write what came; it had written what was to come."""
    write_campaign(there, ["timings.json"])
    fetch(folder, target, RESULT)
    manifest = target / MANIFEST_FILE
    manifest.write_text(manifest.read_text().replace("coming", "x").replace("files", "coming"))
    manifest.write_text(manifest.read_text().replace('"x"', '"files"'))
    write(there, "timings.json", "changed meanwhile")
    assert paths(fetch(folder, target, RESULT).came) == ["timings.json"]


def test_a_file_that_changes_once(folder, there, target, reads):
    write_campaign(there, ["timings.json"])
    reads.before = lambda name: write(there, name, "longer than it was" + "!" * min(len(reads), 1))
    assert [file.size for file in fetch(folder, target, RESULT).came] == [19]
    assert reads == ["timings.json"] * 2
    assert names_in(target) == ["timings.json"]


def test_a_file_that_never_rests(folder, there, target, reads):
    write_campaign(there, ["timings.json", "campaign.yaml"])
    reads.before = lambda name: write(there, "timings.json", "!" * len(reads))
    found = fetch(folder, target, RESULT)
    assert paths(found.came) == ["campaign.yaml"]
    assert "changes while it is fetched" in found.left["timings.json"]
    assert names_in(target) == ["campaign.yaml"]


def test_a_file_that_goes(folder, there, target, reads):
    write_campaign(there, ["timings.json", "campaign.yaml"])
    reads.before = lambda _: (there / "timings.json").unlink(missing_ok=True)
    found = fetch(folder, target, RESULT)
    assert "has gone" in found.left["timings.json"]
    assert names_in(target) == ["campaign.yaml"]


def test_links_and_open_databases_stay(folder, there, target, tmp_path):
    database = "tuning/allegro/study.db"
    write_campaign(there, ["timings.json", database])
    write(there, f"{database}-wal", "log")
    secret = write(tmp_path, "secret", "key")
    (there / "report").mkdir()
    (there / "report" / "index.html").symlink_to(secret)
    (there / "dataset").symlink_to(secret.parent)
    write(there, "structures/new\nline", "text")
    found = fetch(folder, target, Selection(labels=True))
    assert paths(found.came) == ["timings.json"]
    assert found.left.keys() == {database, "report/index.html", "structures/new\nline"}
    assert "being written to" in found.left[database]


def test_a_folder_here_where_a_file_shall_be(folder, there, target):
    write_campaign(there, ["timings.json"])
    (target / "timings.json").mkdir()
    assert fetch(folder, target, RESULT).left == {"timings.json": "is a folder here"}


def test_a_full_disk(folder, there, target, monkeypatch):
    write_campaign(there)
    monkeypatch.setattr(
        "workflows.hpc.fetching.fetch.shutil.disk_usage", lambda _: type("Usage", (), {"free": 10})
    )
    with pytest.raises(CuprolithError, match="the disk has"):
        fetch(folder, target, RESULT)


def test_a_campaign_whose_folder_is_gone(folder, target):
    with pytest.raises(CuprolithError, match="not on the cluster"):
        fetch(folder, target, RESULT)


def test_a_manifest_that_is_none(folder, there, target):
    write_campaign(there)
    write(target, MANIFEST_FILE, "{")
    with pytest.raises(CuprolithError, match="not a list of fetched files"):
        fetch(folder, target, RESULT)
