import sys

import hypothesis
import pytest
from readme_commands import ROOT, Tour, readme_commands

# Machines that run two test processes are slow at times, which says nothing of a test.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


@pytest.fixture(autouse=True, scope="module")
def torch_default_dtype():
    """No test leaves another default precision to those that follow; NequIP sets double."""
    yield
    if torch := sys.modules.get("torch"):
        assert torch.get_default_dtype() == torch.float32


@pytest.fixture(scope="session")
def tour(tmp_path_factory):
    """A finished quickstart, made by the README's first command."""
    folder = tmp_path_factory.mktemp("tour")
    for name in ("bootstrap.py", "checks.py", "inputs"):
        (folder / name).symlink_to(ROOT / name)
    tour = Tour(folder)
    tour.give(readme_commands()[0])
    return tour
