import pytest

from tests.workflows.hpc.campaign_on_cluster import RESULTS, names_in, write, write_campaign
from workflows.hpc.fetching.fetch import fetch
from workflows.hpc.fetching.selection import Selection


@pytest.mark.parametrize("host_project", ["ssh"], indirect=True)
def test_results_come_once_and_again_where_they_change(remote, there, target):
    write_campaign(there)
    found = fetch(remote, target, Selection())
    assert names_in(target) == RESULTS
    assert sum(file.size for file in found.came) == sum(
        (there / name).stat().st_size for name in RESULTS
    )
    write(there, "timings.json", "changed")
    found = fetch(remote, target, Selection())
    assert [file.path for file in found.came] == ["timings.json"]
    assert (target / "timings.json").read_text() == "changed"
