import copy
from pathlib import Path

import pytest
import yaml

from cuprolith.errors import CuprolithError
from workflows.hpc.setup.scheduler import SCHEDULERS
from workflows.hpc.setup.settings_file import checked_settings, read_settings
from workflows.hpc.setup.walltime import clock, seconds
from workflows.hpc.setup.workers import execution_documents, worker_documents
from workflows.inputs.yaml_file import yaml_text
from workflows.resource_classes import RESOURCE_CLASSES

GOLDEN = Path(__file__).parent / "golden" / "settings"


def data(scheduler="slurm"):
    return yaml.safe_load((GOLDEN / f"{scheduler}.yaml").read_text())


def refused(given, *said):
    with pytest.raises(CuprolithError) as caught:
        checked_settings(given, Path("hpc.yaml"))
    for text in said:
        assert text in str(caught.value)


@pytest.mark.parametrize("scheduler", SCHEDULERS.entries)
def test_saved_settings_are_the_same(scheduler, tmp_path):
    settings = read_settings(GOLDEN / f"{scheduler}.yaml")
    saved = yaml_text(settings.model_dump(mode="json", exclude_defaults=True))
    path = tmp_path / "hpc.yaml"
    path.write_text(saved)
    assert read_settings(path) == settings


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("colour", 1, "unknown key"),
        ("classes.gpu.wall_time", "1:00", "did you mean `walltime`"),
        ("classes.gpu.walltime", "soon", "hours:minutes:seconds"),
        ("classes.gpu.nodes", 0, "classes.gpu.nodes"),
        ("classes.gpu.nodes", "2", "classes.gpu.nodes"),
        ("classes.gpu.queue", "a b", "classes.gpu.queue"),
        ("classes.gpu.gpus_per_node", 0, "`gpu_type` without `gpus_per_node`"),
        ("classes.dft-small.batch.longest_job", "12:00:00", "less than `walltime`"),
        ("environment.conda", {"base": "/c", "name": "x"}, "give one of them"),
        ("environment.venv", None, "no Python"),
        ("classes.gpu.environment.venv", "/other", "more than one Python"),
        ("work_dir", "/scratch/my work", "do not quote it"),
        ("mongodb.user", None, "`password_file` without `user`"),
        ("mongodb.tls_ca_file", "relative", "absolute path"),
        ("sge", {}, "unknown key"),
        ("scheduler", "pbs", "classes.dft-large.qos: unknown key"),
        ("scheduler", "lsf", "choose one of pbs, sge, slurm"),
        ("scheduler", 7, "choose one of pbs, sge, slurm"),
    ],
)
def test_a_mistake_is_named_by_its_key(key, value, said):
    given = data()
    given["mongodb"]["password_file"] = "/home/lena/password"
    place = given
    *sections, last = key.split(".")
    for section in sections:
        place = place[section]
    place[last] = value
    refused(given, said, *([key] if said.startswith(("unknown", "hours", "absolute")) else []))


def test_a_missing_class_is_named():
    given = data()
    del given["classes"]["gpu"]
    refused(given, "missing: gpu")


def test_a_mistake_is_named_by_its_line(tmp_path):
    path = tmp_path / "hpc.yaml"
    path.write_text((GOLDEN / "slurm.yaml").read_text().replace('walltime: "04:', 'waltime: "04:'))
    line = 1 + path.read_text().splitlines().index('    waltime: "04:00:00"')
    with pytest.raises(CuprolithError, match=f"hpc.yaml:{line}: classes.cpu.waltime"):
        read_settings(path)


def test_a_file_that_is_no_yaml_is_not_quoted(tmp_path):
    path = tmp_path / "hpc.yaml"
    path.write_text("mongodb:\n  password: hunter2: [\n")
    with pytest.raises(CuprolithError, match="not valid YAML") as caught:
        read_settings(path)
    assert "hunter2" not in str(caught.value)


def test_sge_must_know_whose_jobs_to_list():
    given = data("sge")
    del given["ssh"]
    refused(given, "give `sge.user`")
    given["sge"]["user"] = "lena"
    settings = checked_settings(given, Path())
    assert worker_documents(settings)["cpu"]["scheduler_username"] == "lena"


def test_sge_counts_slots_not_nodes():
    given = data("sge")
    given["classes"]["dft-large"]["nodes"] = 2
    refused(given, "SGE counts slots")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("24:00:00", 86400), ("2-00:00", 172800), ("00:30", 1800), ("1-02:03:04", 93784), (60, 60)],
)
def test_wall_times(text, expected):
    assert seconds(text) == expected
    assert seconds(clock(expected)) == expected


def test_yaml_reads_an_unquoted_wall_time_as_seconds():
    """24:00:00 is a number to base 60 in YAML 1.1."""
    given = data()
    given["classes"]["gpu"]["walltime"] = yaml.safe_load("24:00:00")
    assert checked_settings(given, Path()).classes["gpu"].walltime == 86400


@pytest.mark.parametrize("scheduler", SCHEDULERS.entries)
def test_memory_asked_for_is_that_of_a_node(scheduler):
    settings = read_settings(GOLDEN / f"{scheduler}.yaml")
    options = settings.resources("dft-small")
    ranks, memory = (
        settings.classes["dft-small"].tasks_per_node,
        settings.classes["dft-small"].memory_gb,
    )
    shown = {
        "slurm": ("mem", f"{memory}G"),
        "pbs": ("select", f"select=1:ncpus={ranks}:mpiprocs={ranks}:ompthreads=1:mem={memory}gb"),
        "sge": ("select", f"h_vmem={memory * 1024 // ranks}M"),
    }
    key, value = shown[scheduler]
    assert options[key] == value


@pytest.mark.parametrize("scheduler", SCHEDULERS.entries)
def test_one_worker_per_class_and_one_for_short_jobs(scheduler):
    workers = worker_documents(read_settings(GOLDEN / f"{scheduler}.yaml"))
    assert set(workers) == {*RESOURCE_CLASSES, "dft-small-batch"}
    batch = workers["dft-small-batch"]
    assert batch["max_jobs"] == 4
    rest = {key: value for key, value in batch.items() if key != "max_jobs"}
    assert rest == {key: value for key, value in workers["dft-small"].items() if key != "max_jobs"}
    assert batch["resources"] is not workers["dft-small"]["resources"]


def test_a_login_node_is_reached_by_key_alone():
    worker = worker_documents(read_settings(GOLDEN / "sge.yaml"))["gpu"]
    assert worker["type"] == "remote"
    assert (worker["host"], worker["user"]) == ("login.example.org", "lena")
    assert "password" not in worker


def test_without_vasp_there_is_no_execution_of_it():
    given = copy.deepcopy(data())
    del given["vasp"]
    assert execution_documents(checked_settings(given, Path())) == {}


def test_a_python_that_is_neither_venv_nor_conda():
    given = data()
    del given["environment"]["venv"]
    given["environment"]["bin"] = "/opt/my python/bin"
    script = worker_documents(checked_settings(given, Path()))["cpu"]["pre_run"]
    assert "export PATH='/opt/my python/bin':\"${PATH}\"" in script.splitlines()
