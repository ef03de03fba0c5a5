"""Measurements of tests wait for no other process on this machine."""

import tempfile

import pytest


@pytest.fixture(autouse=True)
def _own_lock(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("tmp")))
