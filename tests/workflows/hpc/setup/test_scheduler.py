"""A scheduler of another package needs no change here."""

from typing import Literal

import pytest

from workflows.hpc.setup.project import ProjectFiles
from workflows.hpc.setup.scheduler import SCHEDULERS, Scheduler
from workflows.hpc.setup.settings import HpcSettings, Name
from workflows.hpc.setup.settings_file import read_settings
from workflows.hpc.setup.template import write_template
from workflows.hpc.setup.workers import worker_documents


class OarSettings(HpcSettings):
    scheduler: Literal["oar"]
    kind: Name = "default"

    def resources(self, name):
        return {"queue": self.classes[name].queue, "select": f"type={self.kind}"}


@pytest.fixture
def oar(monkeypatch):
    added = Scheduler("oar", OarSettings, section="\nkind: besteffort\n", launcher="oarsh")
    monkeypatch.setitem(SCHEDULERS.__dict__, "entries", {**SCHEDULERS.entries, "oar": added})


def test_its_settings_make_the_workers(oar, tmp_path):
    files = ProjectFiles(tmp_path, "licu")
    write_template("oar", files)
    assert "#command: oarsh vasp_std" in files.settings.read_text()
    workers = worker_documents(read_settings(files.settings))
    assert workers["cpu"]["scheduler_type"] == "oar"
    assert workers["cpu"]["resources"] == {"select": "type=besteffort"}
