import pytest


@pytest.fixture(scope="session")
def measuring(request) -> bool:
    """Whether to measure at full size; else the benchmarks only show that they work."""
    option = request.config.getoption
    return option("benchmark_enable") or not option("benchmark_disable")
