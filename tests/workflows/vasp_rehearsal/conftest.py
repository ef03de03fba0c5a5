import numpy as np
import pytest
from rehearsal_runs import Run


@pytest.fixture
def make_run(tmp_path):
    def make(name="run", free=None, poscar=None, **tags) -> Run:
        return Run(tmp_path / name, tags, free, poscar)

    return make


@pytest.fixture
def some_fixed():
    """Selective dynamics: two atoms fixed, one along two lattice vectors, five free."""
    free = np.ones((8, 3), dtype=bool)
    free[:2] = False
    free[3, :2] = False
    return free.tolist()
