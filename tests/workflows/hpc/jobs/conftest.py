import os

import pytest


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Folder with a scancel that notes whom it ended, and a squeue that tells what it is given."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "listing").write_text("")
    for name, line in (
        ("scancel", f'echo "$@" >> {programs}/ended'),
        ("squeue", f"cat {programs}/listing"),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return programs
