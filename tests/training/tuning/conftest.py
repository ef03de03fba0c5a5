"""Measurements of tests wait for no other process on this machine."""

import tempfile

import pytest


@pytest.fixture(autouse=True, scope="module")
def _own_lock(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("tmp")))
        yield
