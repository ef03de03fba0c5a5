import pytest
from readme_commands import ROOT, Tour, readme_commands


@pytest.fixture(scope="session")
def tour(tmp_path_factory):
    """A finished quickstart, made by the README's first command."""
    folder = tmp_path_factory.mktemp("tour")
    for name in ("bootstrap.py", "checks.py", "inputs"):
        (folder / name).symlink_to(ROOT / name)
    tour = Tour(folder)
    tour.give(readme_commands()[0])
    return tour
