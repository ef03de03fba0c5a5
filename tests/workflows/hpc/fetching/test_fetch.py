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
from workflows.hpc.fetching.fetch import ARRIVING, MANIFEST_FILE, fetch
from workflows.hpc.fetching.rsync import RemoteFolder
from workflows.hpc.fetching.selection import Selection

RESULT = Selection()
# Through SSH, each command takes a while: test_fetch_over_ssh.py tries the whole of it once.
pytestmark = pytest.mark.parametrize("host_project", ["local"], indirect=True)


@pytest.fixture
def copies(monkeypatch):
    """Names of the files that are copied; a test may act before and after each time."""

    class Copies(list):
        def before(self):
            pass

        def after(self):
            pass

    seen = Copies()
    copy = RemoteFolder.copy

    def watched(folder, names, here, advance):
        seen.append(sorted(names))
        seen.before()
        copy(folder, names, here, advance)
        seen.after()

    monkeypatch.setattr(RemoteFolder, "copy", watched)
    return seen


def paths(files):
    return sorted(file.path for file in files)


def test_results_come_once(remote, there, target, copies):
    write_campaign(there)
    assert paths(fetch(remote, target, RESULT).came) == RESULTS
    assert names_in(target) == RESULTS
    for name in RESULTS:
        assert (target / name).read_bytes() == (there / name).read_bytes()
    copies.clear()
    again = fetch(remote, target, RESULT)
    assert (again.came, paths(again.same), copies) == ([], RESULTS, [])


def test_more_is_brought_when_asked_for(remote, there, target):
    write_campaign(there)
    fetch(remote, target, RESULT)
    assert paths(fetch(remote, target, Selection(labels=True)).came) == [LABEL_RESULT]
    assert paths(fetch(remote, target, Selection(everything=True)).came) == sorted(REST)


def test_what_changed_and_what_is_new(remote, there, target):
    write_campaign(there, ["timings.json", "report/index.html"])
    fetch(remote, target, RESULT)
    write(there, "report/index.html", "another with the same name")
    write(there, "dataset/dataset.json", "{}")
    (there / "timings.json").unlink()
    found = fetch(remote, target, RESULT)
    assert paths(found.came) == ["dataset/dataset.json", "report/index.html"]
    assert (target / "timings.json").exists(), "nothing here is deleted"
    assert (target / "report/index.html").read_text() == "another with the same name"


def test_a_file_of_one_s_own_is_kept(remote, there, target):
    write_campaign(there, ["timings.json", "report/index.html"])
    write(target, "report/index.html", "mine")
    found = fetch(remote, target, RESULT)
    assert (found.kept, paths(found.came)) == (["report/index.html"], ["timings.json"])
    assert (target / "report/index.html").read_text() == "mine"
    fetch(remote, target, RESULT, force=True)
    assert (target / "report/index.html").read_text() == "content of report/index.html"


def test_a_fetched_file_that_was_changed_here_is_kept(remote, there, target):
    write_campaign(there, ["timings.json"])
    fetch(remote, target, RESULT)
    write(target, "timings.json", "changed here")
    write(there, "timings.json", "changed there")
    assert fetch(remote, target, RESULT).kept == ["timings.json"]
    assert (target / "timings.json").read_text() == "changed here"


def test_a_campaign_of_one_s_own_is_not_mixed_with_another(remote, there, target):
    write_campaign(there)
    write(target, "campaign.yaml", "name: other")
    with pytest.raises(CuprolithError, match="another campaign is here"):
        fetch(remote, target, RESULT)
    assert names_in(target) == ["campaign.yaml"]


def test_what_came_from_another_folder_is_not_mixed_with_it(remote, there, target):
    write_campaign(there)
    write(target, MANIFEST_FILE, '{"source": "/elsewhere"}')
    with pytest.raises(CuprolithError, match="were fetched from /elsewhere"):
        fetch(remote, target, RESULT)
    assert names_in(target) == []


def test_a_fetch_that_was_cut_off_is_resumed(remote, there, target, copies):
    write_campaign(there)

    def cut_off():
        (target / ARRIVING / RESULTS[3]).unlink()
        raise CuprolithError("the connection broke off")

    copies.after = cut_off
    with pytest.raises(CuprolithError, match="broke off"):
        fetch(remote, target, RESULT)
    assert all(name.startswith(ARRIVING) for name in names_in(target)), "nothing half"
    copies.after = lambda: None
    first = (target / ARRIVING / RESULTS[0]).stat().st_ino
    write(there, RESULTS[1], "changed meanwhile")
    assert paths(fetch(remote, target, RESULT).came) == RESULTS
    assert names_in(target) == RESULTS
    assert (target / RESULTS[0]).stat().st_ino == first, "what had come is not copied again"
    assert (target / RESULTS[1]).read_text() == "changed meanwhile"


def test_a_killed_fetch_is_known_to_have_brought_its_files(remote, there, target):
    """It could not write what came; it had written what was to come."""
    write_campaign(there, ["timings.json"])
    fetch(remote, target, RESULT)
    manifest = target / MANIFEST_FILE
    manifest.write_text(manifest.read_text().replace("coming", "x").replace("files", "coming"))
    manifest.write_text(manifest.read_text().replace('"x"', '"files"'))
    write(there, "timings.json", "changed meanwhile")
    assert paths(fetch(remote, target, RESULT).came) == ["timings.json"]


def test_a_file_that_changes_once(remote, there, target, copies):
    write_campaign(there, ["timings.json", "campaign.yaml"])

    def change():
        if len(copies) == 1:
            write(there, "timings.json", "longer than it was")

    copies.after = change
    assert paths(fetch(remote, target, RESULT).came) == ["campaign.yaml", "timings.json"]
    assert (target / "timings.json").read_text() == "longer than it was"
    assert copies == [["campaign.yaml", "timings.json"], ["timings.json"]]


def test_a_file_that_always_changes_is_left(remote, there, target, copies):
    write_campaign(there, ["timings.json"])
    write(target, "timings.json", "of before")
    copies.after = lambda: write(there, "timings.json", f"changed {len(copies)} times")
    found = fetch(remote, target, RESULT, force=True)
    assert "changes while it is fetched" in found.left["timings.json"]
    assert (target / "timings.json").read_text() == "of before"


def test_a_file_that_has_gone(remote, there, target, copies):
    write_campaign(there, ["timings.json", "campaign.yaml"])
    copies.before = (there / "timings.json").unlink
    found = fetch(remote, target, RESULT)
    assert "no longer exists" in found.left["timings.json"]
    assert names_in(target) == ["campaign.yaml"]


def test_links_and_open_databases_stay(remote, there, target, tmp_path):
    database = "tuning/allegro/study.db"
    write_campaign(there, ["timings.json", database])
    write(there, f"{database}-wal", "log")
    secret = write(tmp_path, "secret", "key")
    (there / "report").mkdir()
    (there / "report" / "index.html").symlink_to(secret)
    (there / "dataset").symlink_to(secret.parent)
    write(there, "structures/new\nline", "text")
    found = fetch(remote, target, Selection(labels=True))
    assert paths(found.came) == ["timings.json"]
    assert found.left.keys() == {
        database,
        "dataset",
        "report/index.html",
        r"structures/new\#012line",
    }
    assert "being written to" in found.left[database]


def test_a_folder_here_where_a_file_shall_be(remote, there, target):
    write_campaign(there, ["timings.json"])
    (target / "timings.json").mkdir()
    assert fetch(remote, target, RESULT).left == {"timings.json": "is a folder here"}


def test_a_full_disk(remote, there, target, monkeypatch):
    write_campaign(there)
    monkeypatch.setattr(
        "workflows.hpc.fetching.fetch.shutil.disk_usage", lambda _: type("Usage", (), {"free": 10})
    )
    with pytest.raises(CuprolithError, match="the disk has"):
        fetch(remote, target, RESULT)


def test_a_campaign_whose_folder_is_gone(remote, target):
    with pytest.raises(CuprolithError, match="not on the cluster"):
        fetch(remote, target, RESULT)


def test_a_manifest_that_is_none(remote, there, target):
    write_campaign(there)
    write(target, MANIFEST_FILE, "{")
    with pytest.raises(CuprolithError, match="not a list of fetched files"):
        fetch(remote, target, RESULT)
