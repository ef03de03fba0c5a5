import gc

import pytest

from training.nequip_runs.quick_imports import quick_imports


def test_nothing_is_collected_within_and_all_as_before_after():
    with quick_imports():
        assert not gc.isenabled()
        with quick_imports():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_import_that_fails_leaves_nothing_switched_off():
    with pytest.raises(ImportError), quick_imports():
        raise ImportError
    assert gc.isenabled()
