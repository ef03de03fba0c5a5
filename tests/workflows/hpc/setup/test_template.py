"""What `cuprolith hpc init` writes: valid, and complete."""

import re

import pytest
import yaml
from pydantic import BaseModel

from cuprolith.errors import CuprolithError
from workflows.hpc.setup.project import ProjectFiles
from workflows.hpc.setup.scheduler import SCHEDULERS
from workflows.hpc.setup.settings_file import checked_settings, read_settings
from workflows.hpc.setup.template import settings_template, write_template

OFF = re.compile(r"^( *)#(?=[a-z-])", re.IGNORECASE | re.MULTILINE)


def keys(model, found):
    """Collect the keys of a section and of those in it, each with its section."""
    for name, field in model.model_fields.items():
        found.add(name)
        pending = [field.annotation]
        while pending:
            annotation = pending.pop()
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                keys(annotation, found)
            pending += getattr(annotation, "__args__", ())
    return found


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_it_is_valid_as_it_is(scheduler, tmp_path):
    files = ProjectFiles(tmp_path, "licu")
    write_template(scheduler.name, files)
    assert files.settings.stat().st_mode & 0o777 == 0o600
    settings = read_settings(files.settings)
    assert isinstance(settings, scheduler.settings)
    assert (settings.project, settings.mongodb.database) == ("licu", "licu")


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_it_is_valid_with_all_keys_on(scheduler, tmp_path):
    data = yaml.safe_load(OFF.sub(r"\1", settings_template(scheduler.name, "licu")))
    del data["environment"]["venv"], data["environment"]["conda"]
    checked_settings(data, tmp_path)
    assert data["environment"]["lines"] == ["ulimit -s unlimited"]


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_it_has_every_key(scheduler):
    text = settings_template(scheduler.name, "licu")
    missing = {key for key in keys(scheduler.settings, set()) if not re.search(rf"\b{key}:", text)}
    assert missing == set()
    assert not re.search(r"\{\w+\}", text)


@pytest.mark.parametrize("name", ["007", "1e3", "null"])
def test_a_project_s_name_stays_text(name, tmp_path):
    files = ProjectFiles(tmp_path, name)
    write_template("slurm", files)
    assert read_settings(files.settings).project == name


def test_settings_that_exist_stay(tmp_path):
    files = ProjectFiles(tmp_path, "licu")
    write_template("slurm", files)
    with pytest.raises(CuprolithError, match="has settings"):
        write_template("pbs", files)
    assert read_settings(files.settings).scheduler == "slurm"


def test_an_unknown_scheduler_is_named(tmp_path):
    with pytest.raises(CuprolithError, match="choose one of pbs, sge, slurm"):
        write_template("lsf", ProjectFiles(tmp_path, "licu"))
