import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuprolith.errors import CuprolithError
from workflows.hpc.jobs.error_lines import error_line


def trace(function):
    try:
        function()
    except (ArithmeticError, ValueError, CuprolithError):
        return traceback.format_exc()


def chained():
    try:
        raise KeyError("first")
    except KeyError as error:
        raise ValueError("INCAR: no ENCUT\nwrite it") from error


def test_a_traceback_yields_its_exception():
    assert error_line(trace(lambda: 1 / 0)) == "ZeroDivisionError: division by zero"


def test_of_a_chain_the_last_one_with_its_first_line():
    assert error_line(trace(chained)) == "ValueError: INCAR: no ENCUT"


def test_an_error_of_ours():
    def fails():
        raise CuprolithError("it differs", where="a.yaml", remedy="mend it")

    assert error_line(trace(fails)) == "cuprolith.errors.CuprolithError: a.yaml: it differs"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (None, ""),
        ("", ""),
        ("  \n", ""),
        ("Remote error: no route\ncaused by:\nTraceback", "Remote error: no route"),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
    ],
)
def test_other_texts(error, line):
    assert error_line(error) == line


@given(st.text())
def test_any_text_yields_one_short_line(text):
    line = error_line(text)
    assert "\n" not in line
    assert len(line) <= 200
