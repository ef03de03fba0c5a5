from pathlib import Path

import pytest

from cuprolith.errors import CuprolithError
from workflows.hpc.setup.answers import answered, assignment, parsed, put, with_defaults
from workflows.hpc.setup.questions import BY_NAME, QUESTIONS, value_at
from workflows.hpc.setup.settings_file import checked_settings

LEAST = {"scheduler": "slurm", "work_dir": "/scratch/me", "venv": "/venv"}


def test_the_least_that_must_be_answered():
    data = with_defaults(answered({"project": "licu"}, LEAST))
    settings = checked_settings(data, Path())
    assert settings.vasp is None
    assert settings.mongodb.database == "licu"
    assert settings.classes["dft-small"].tasks_per_node == 16
    assert settings.classes["dft-large"].tasks_per_node == 32


def test_defaults_replace_nothing():
    data = answered({"project": "licu"}, LEAST | {"dft_cores": 9, "gpus": 0})
    put(data, "classes.dft-small.tasks_per_node", 3)
    settings = checked_settings(with_defaults(data), Path())
    assert settings.classes["dft-small"].tasks_per_node == 3
    assert settings.classes["dft-large"].tasks_per_node == 9
    assert settings.classes["gpu"].gpus_per_node == 0


def test_sge_gets_its_section():
    data = with_defaults(answered({"project": "licu"}, LEAST | {"scheduler": "sge"}))
    assert checked_settings(data, Path()).scheduler_user


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
@pytest.mark.parametrize("attack", ["a\nb", "$(id)", "`id`"])
def test_no_answer_carries_a_command(question, attack):
    try:
        answer = parsed(question, attack)
    except ValueError:
        return
    # quoted wherever it is written, or in no script at all
    assert question.keys[0] == "mongodb.user", answer
    assert "\n" not in answer


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_each_default_is_a_good_answer(question):
    default = question.default_for({"project": "licu"})
    if default is not None:
        assert parsed(question, str(default)) == default


def test_numbers_that_are_names():
    assert parsed(BY_NAME["account"], "12345") == "12345"
    assert parsed(BY_NAME["gpus"], "2") == 2


def test_modules_are_apart_by_commas():
    assert parsed(BY_NAME["modules"], " gcc/13.2, openmpi ,") == ["gcc/13.2", "openmpi"]


def test_assignments_are_yaml():
    assert assignment("classes.gpu.memory_gb=64") == ("classes.gpu.memory_gb", 64)
    assert assignment("a=[ulimit -s unlimited]") == ("a", ["ulimit -s unlimited"])
    assert assignment("a=b=c") == ("a", "b=c")
    assert assignment("a=") == ("a", None)


@pytest.mark.parametrize("text", ["a", "=1", "a=[", "a=!!python/object/apply:os.system ['id']"])
def test_what_is_no_assignment(text):
    with pytest.raises(CuprolithError, match="KEY=VALUE"):
        assignment(text)


def test_values_by_dotted_keys():
    data = {}
    put(data, "a.b.c", 1)
    assert data == {"a": {"b": {"c": 1}}}
    assert value_at(data, "a.b.c") == 1
    assert value_at(data, "a.b.c.d") is None
